package io.pariskv.server;

import io.pariskv.error.InputException;
import io.pariskv.server.http.ApiKeys;
import io.pariskv.server.http.HttpLimits;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * How a server is reached, and by whom.
 *
 * @param host name or address to listen at; only this machine reaches {@code 127.0.0.1}
 * @param port to listen at, 0 for any that is free
 * @param keys that clients need
 * @param tls for HTTPS, null for HTTP
 * @param limits of one client
 * @param deadline after which an answer is ended with what there is; null for none
 * @param logPrompts whether the log has prompts and answers
 * @param version of the program, for {@code GET /version}
 */
public record ServerSettings(String host, int port, ApiKeys keys, @Nullable SSLContext tls,
    HttpLimits limits, @Nullable Duration deadline, boolean logPrompts, String version) {

  /** Checks the ranges. */
  public ServerSettings {
    if (port < 0 || port > 0xFFFF) {
      throw new InputException("port " + port + " must be from 0 to " + 0xFFFF);
    }
    if (deadline != null && !deadline.isPositive()) {
      throw new InputException("deadline " + deadline + " must be above zero");
    }
  }

  /** Any free port of this machine alone, without keys. */
  public static ServerSettings local() {
    return new ServerSettings("127.0.0.1", 0, ApiKeys.NONE, null, HttpLimits.DEFAULTS, null, false,
        "unknown");
  }

  /** These settings at another address. */
  public ServerSettings at(String otherHost, int otherPort) {
    return new ServerSettings(otherHost, otherPort, keys, tls, limits, deadline, logPrompts,
        version);
  }

  /** These settings with keys. */
  public ServerSettings withKeys(ApiKeys other) {
    return new ServerSettings(host, port, other, tls, limits, deadline, logPrompts, version);
  }

  /** These settings over HTTPS. */
  public ServerSettings withTls(@Nullable SSLContext context) {
    return new ServerSettings(host, port, keys, context, limits, deadline, logPrompts, version);
  }

  /** These settings with other limits. */
  public ServerSettings withLimits(HttpLimits other) {
    return new ServerSettings(host, port, keys, tls, other, deadline, logPrompts, version);
  }

  /** These settings with a deadline. */
  public ServerSettings withDeadline(@Nullable Duration other) {
    return new ServerSettings(host, port, keys, tls, limits, other, logPrompts, version);
  }

  /** These settings with prompts in the log, or without. */
  public ServerSettings withLogPrompts(boolean log) {
    return new ServerSettings(host, port, keys, tls, limits, deadline, log, version);
  }

  /** These settings of another program. */
  public ServerSettings withVersion(String other) {
    return new ServerSettings(host, port, keys, tls, limits, deadline, logPrompts, other);
  }
}

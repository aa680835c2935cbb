package io.pariskv.app.cli;

import io.pariskv.engine.EngineOptions;
import io.pariskv.error.InputException;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.CountedMethod;
import io.pariskv.server.ServerSettings;
import io.pariskv.server.http.ApiKeys;
import io.pariskv.server.http.HttpLimits;
import io.pariskv.server.http.Tls;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** How a server is reached, and what it takes on. */
final class ServingOptions {
  private static final int MIB = 1 << 20;

  @Option(names = "--host", paramLabel = "HOST", defaultValue = "127.0.0.1", description = "Address to listen at; only this machine reaches the default (default: ${DEFAULT-VALUE}).")
  private String host;

  @Option(names = "--port", paramLabel = "N", defaultValue = "8000", description = "Port to listen at, 0 for any that is free (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(names = "--api-key-file", paramLabel = "FILE", description = "Keys of which clients must send one, one a line.")
  private @Nullable Path keyFile;

  @Option(names = "--tls-keystore", paramLabel = "FILE", description = "Certificate and private key for HTTPS, as PKCS12; needs --tls-password-file.")
  private @Nullable Path keystore;

  @Option(names = "--tls-password-file", paramLabel = "FILE", description = "The password of the keystore.")
  private @Nullable Path keystorePassword;

  @Option(names = "--places", paramLabel = "N", defaultValue = "8", description = "Requests answered at once (default: ${DEFAULT-VALUE}).")
  private int places;

  @Option(names = "--max-queue", paramLabel = "N", defaultValue = "64", description = "Requests that may wait for a place; more are refused with 429 (default: ${DEFAULT-VALUE}).")
  private int maxQueue;

  @Option(names = "--chunk", paramLabel = "N", description = "Most prompt tokens of a pass (default: --prefill-chunk).")
  private @Nullable Integer chunk;

  @Option(names = "--max-stall-ms", paramLabel = "N", defaultValue = "100", description = "Longest wait of a stream between two tokens while prompts are read, or a layer's time if that is longer; less makes prompts take longer (default: ${DEFAULT-VALUE}).")
  private int maxStall;

  @Option(names = "--keep-tokens", paramLabel = "N", defaultValue = "262144", description = "Tokens of ended requests kept for those that begin alike (default: ${DEFAULT-VALUE}).")
  private long keepTokens;

  @Option(names = "--cache-dir", paramLabel = "DIR", description = "Keeps prompts of POST /v1/caches in files there, and goes on from those that are there (default: none).")
  private @Nullable Path cacheDirectory;

  @Option(names = "--deadline", paramLabel = "SECONDS", description = "Ends an answer after so long with what there is (default: none).")
  private @Nullable Integer deadline;

  @Option(names = "--max-body-mib", paramLabel = "N", defaultValue = "16", description = "Most MiB of a request's body (default: ${DEFAULT-VALUE}).")
  private int maxBodyMib;

  @Option(names = "--drain-seconds", paramLabel = "N", defaultValue = "30", description = "How long running answers may go on after SIGTERM (default: ${DEFAULT-VALUE}).")
  private int drainSeconds;

  @Option(names = "--attention-strip", paramLabel = "on|off", defaultValue = "on", description = "Count where in the context decode steps select, for the page and GET /v1/requests/{id}/attention (default: ${DEFAULT-VALUE}).")
  private String attentionStrip;

  @Option(names = "--log-prompts", description = "Write prompts and answers to the log, too.")
  private boolean logPrompts;

  /** How to serve; use it inside {@link Usage#check}. */
  EngineOptions toEngineOptions(CommandSpec spec) {
    Usage.requirePositive(spec, "--chunk", chunk);
    return new EngineOptions(places, maxQueue, chunk == null ? 0 : chunk, keepTokens,
        Duration.ofMillis(maxStall));
  }

  /** How to be reached; nonsense is wrong usage, a file that cannot be used is not. */
  ServerSettings toServerSettings(CommandSpec spec) {
    Usage.requirePositive(spec, "--deadline", deadline);
    Usage.requireRange(spec, "--max-body-mib", maxBodyMib, 256);
    Usage.requireRange(spec, "--drain-seconds", drainSeconds, 86_400);
    if ((keystore == null) != (keystorePassword == null)) {
      throw Usage.wrong(spec, "--tls-keystore and --tls-password-file go together; give both");
    }
    ServerSettings local = ServerSettings.local();
    ServerSettings settings = Usage.check(spec, () -> local.at(host, port))
        .withLogPrompts(logPrompts).withVersion(Version.text())
        .withDeadline(deadline == null ? null : Duration.ofSeconds(deadline))
        .withLimits(new HttpLimits(maxBodyMib * MIB, HttpLimits.DEFAULTS.stall(),
            HttpLimits.DEFAULTS.heartbeat()));
    if (keystore != null && keystorePassword != null) {
      settings = settings.withTls(Tls.read(keystore, keystorePassword));
    }
    return keyFile == null ? settings : settings.withKeys(ApiKeys.read(keyFile));
  }

  /** The method that engines attend by; counted, unless the user wants no strip. Use it inside {@link Usage#check}. */
  AttentionMethod counted(AttentionMethod method) {
    return switch (attentionStrip) {
      case "on" -> new CountedMethod(method);
      case "off" -> method;
      default -> throw new InputException(
          "--attention-strip '" + attentionStrip + "' must be on or off");
    };
  }

  /** Where caches are kept in files, null for nowhere. */
  @Nullable
  Path cacheDirectory() {
    return cacheDirectory;
  }

  /** How long running answers may go on. */
  Duration drain() {
    return Duration.ofSeconds(drainSeconds);
  }

  /** What a person should know who lets others reach the server, or null. */
  static @Nullable String warning(ServerSettings settings) {
    return settings.keys().required() || isLoopback(settings.host())
        ? null
        : "whoever reaches " + settings.host() + " may use this server; give --api-key-file";
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      throw new InputException("--host '" + host + "' has no address; give another", e);
    }
  }
}

package io.pariskv.server.http;

import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Keeps web pages off a server that is for this machine alone. A browser that visits a stranger's page can be made to send requests
 * here under that page's own name, once the name's owner lets it mean 127.0.0.1; the {@code Host} header then has that name.
 */
final class LocalHost {
  private static final Pattern NAMES = Pattern.compile(
      "localhost|([a-z0-9-]+\\.)+localhost|127(\\.\\d{1,3}){3}|\\[::1\\]");

  private LocalHost() {
  }

  /**
   * Refuses a name that is not this machine's own.
   *
   * @param host the header, with a port or without; null for clients that are no browsers
   */
  static void check(@Nullable String host) {
    if (host == null) {
      return;
    }
    String name = host.replaceFirst(":\\d*$", "").toLowerCase(Locale.ROOT);
    if (!NAMES.matcher(name).matches()) {
      throw ApiException.forbidden("the Host header is " + Json.shorten(host)
          + ", but this server is for its own machine, as localhost; with keys it takes other names");
    }
  }
}

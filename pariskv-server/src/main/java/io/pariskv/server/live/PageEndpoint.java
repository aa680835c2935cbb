package io.pariskv.server.live;

import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code GET /}: a page to try the server with, and its files. It needs nothing from elsewhere, and its headers let it have
 * nothing from elsewhere. Anybody may read it; what it asks the server for needs a key, where there are keys.
 */
public final class PageEndpoint {
  /** Of the files. */
  public static final String PATH = "/page/";

  private static final List<String> FILES = List.of("page.css", "icon.svg", "page.js", "api.js",
      "chat.js", "draw.js", "examples.js", "status.js", "strip.js");

  private static final Map<String, String> HEADERS = Map.of(
      "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "
          + "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
          + "frame-ancestors 'none'",
      "X-Content-Type-Options", "nosniff",
      "Referrer-Policy", "no-referrer",
      "Cross-Origin-Opener-Policy", "same-origin",
      "Cross-Origin-Resource-Policy", "same-origin",
      "Cache-Control", "no-cache");

  private final byte[] page;
  private final Map<String, byte[]> files = new LinkedHashMap<>();

  /** Reads the page from the program. */
  public PageEndpoint() {
    page = read("page.html");
    FILES.forEach(name -> files.put(name, read(name)));
  }

  private static byte[] read(String name) {
    try (InputStream in = PageEndpoint.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the program was built without " + name + " of its page");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + name + " of the program", e);
    }
  }

  /** The page. */
  public void page(Exchange exchange) throws IOException {
    send(exchange, "text/html; charset=utf-8", page);
  }

  /** The file whose name ends the path. */
  public void file(Exchange exchange) throws IOException {
    String name = exchange.path().substring(PATH.length());
    byte[] bytes = files.get(name);
    if (bytes == null) {
      throw ApiException.notFound(null, "not_found",
          "the page has no file " + Json.shorten(name) + "; it is at /");
    }
    send(exchange, contentType(name), bytes);
  }

  private static String contentType(String name) {
    return switch (name.substring(name.lastIndexOf('.') + 1)) {
      case "css" -> "text/css; charset=utf-8";
      case "js" -> "text/javascript; charset=utf-8";
      case "svg" -> "image/svg+xml";
      default -> throw new IllegalStateException("no type is known for " + name);
    };
  }

  private static void send(Exchange exchange, String contentType, byte[] bytes)
      throws IOException {
    HEADERS.forEach(exchange::replyHeader);
    exchange.send(200, contentType, bytes);
  }
}

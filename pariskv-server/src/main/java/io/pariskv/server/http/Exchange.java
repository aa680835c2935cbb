package io.pariskv.server.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** One request and its reply. Not thread-safe: the thread of the request. */
public final class Exchange {
  private static final int PIECE = 16 << 10;

  private final HttpExchange http;
  private final String id;
  private final HttpLimits limits;
  private final StallWatch watch;
  private final BodyReader bodies;
  private final long startedAt = System.nanoTime();
  private final ObjectNode notes = Json.object();
  private BodyReader.@Nullable Body body;
  private int status;
  private int key = ApiKeys.NO_KEY;

  Exchange(HttpExchange http, String id, HttpLimits limits, StallWatch watch, BodyReader bodies) {
    this.http = http;
    this.id = id;
    this.limits = limits;
    this.watch = watch;
    this.bodies = bodies;
  }

  /** Unique, as long as the server runs and longer. */
  public String id() {
    return id;
  }

  /** Which of the server's keys it came with; the same for all if there are none. */
  public int key() {
    return key;
  }

  void setKey(int number) {
    key = number;
  }

  /** When it arrived, by {@link System#nanoTime}. */
  public long startedAt() {
    return startedAt;
  }

  /** In capitals. */
  public String method() {
    return http.getRequestMethod();
  }

  /** With escapes resolved, without the query. */
  public String path() {
    String path = http.getRequestURI().getPath();
    return path == null ? "" : path;
  }

  @Nullable
  String header(String name) {
    return http.getRequestHeaders().getFirst(name);
  }

  /** What the log says of this request besides. */
  public ObjectNode notes() {
    return notes;
  }

  /** How long a reply may be silent. */
  public Duration heartbeat() {
    return limits.heartbeat();
  }

  /**
   * Reads the body, one JSON object. It counts against what all clients together may send until {@link #forgetBody}.
   *
   * @throws ApiException if it is something else, or too large
   * @throws ClientGoneException if it does not come
   */
  public JsonNode readJson() throws IOException {
    String type = header("Content-Type");
    if (type == null || !type.toLowerCase(Locale.ROOT).strip().startsWith("application/json")) {
      throw ApiException.mediaType("the body's Content-Type is "
          + (type == null ? "missing" : Json.shorten(type)) + ", expected application/json");
    }
    String encoding = header("Content-Encoding");
    if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
      throw ApiException.mediaType("the body's Content-Encoding is " + Json.shorten(encoding)
          + ", which is not supported; send it as it is");
    }
    body = bodies.read(http);
    return Json.readObject(body.bytes());
  }

  /** The request has been understood: its body's room is free for others. */
  public void forgetBody() {
    if (body != null) {
      body.release();
      body = null;
    }
  }

  /** Adds a header to the reply, before it is sent. */
  public void replyHeader(String name, String value) {
    http.getResponseHeaders().set(name, value);
  }

  /** Replies with JSON. */
  public void send(int code, JsonNode json) throws IOException {
    send(code, "application/json", Json.bytes(json));
  }

  /** Replies. */
  public void send(int code, String contentType, byte[] bytes) throws IOException {
    boolean head = method().equals("HEAD");
    OutputStream out = start(code, contentType, head || bytes.length == 0 ? -1 : bytes.length);
    if (!head) {
      write(out, bytes);
    }
    finish(out);
  }

  /** Replies with an error. */
  void send(ApiException error) throws IOException {
    error.headers().forEach(http.getResponseHeaders()::set);
    send(error.status(), error.toJson());
  }

  /**
   * A reply of status 200 that is written bit by bit; nothing of it is sent yet.
   *
   * @param heartbeat what may stand between any two bits and means nothing
   */
  public OpenReply open(String contentType, String heartbeat) {
    return new OpenReply(this, contentType, heartbeat.getBytes(StandardCharsets.UTF_8));
  }

  /** Sends the head of a reply; {@code length} 0 for one that is written bit by bit, -1 for none. */
  OutputStream start(int code, String contentType, long length) throws IOException {
    status = code;
    http.getResponseHeaders().set("Content-Type", contentType);
    http.getResponseHeaders().set("X-Request-Id", id);
    return watch.during(() -> {
      http.sendResponseHeaders(code, length);
      return http.getResponseBody();
    });
  }

  /** Writes in pieces, so that a slow client is told from one that has stopped. */
  void write(OutputStream out, byte[] bytes) throws IOException {
    for (int from = 0; from < bytes.length; from += PIECE) {
      int start = from;
      watch.during(() -> {
        out.write(bytes, start, Math.min(PIECE, bytes.length - start));
        out.flush();
        return true;
      });
    }
  }

  /** The reply is complete. */
  void finish(OutputStream out) throws IOException {
    watch.during(() -> {
      out.close();
      return true;
    });
  }

  /** Of the reply, 0 before it has started. */
  int status() {
    return status;
  }
}

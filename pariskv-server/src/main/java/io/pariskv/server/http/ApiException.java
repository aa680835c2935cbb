package io.pariskv.server.http;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * A request that is answered with an error: a status, and the four fields that clients of OpenAI's interface read.
 *
 * <p>The message is for the client. It may quote what the client sent, shortened.
 */
public final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int MOST_CHARACTERS = 1000;
  private static final String INVALID = "invalid_request_error";
  private static final String VALUE = "invalid_value";

  private final int status;
  private final String type;
  private final @Nullable String param;
  private final @Nullable String code;
  private final Map<String, String> headers;

  private ApiException(int status, String type, @Nullable String param, @Nullable String code,
      Map<String, String> headers, String message, @Nullable Throwable cause) {
    super(shorten(message), cause);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
    this.headers = headers;
  }

  /** 400: the field {@code param} cannot be used. */
  public static ApiException invalid(@Nullable String param, String message) {
    return invalid(param, VALUE, message);
  }

  /** 400 with a code that programs compare. */
  public static ApiException invalid(@Nullable String param, String code, String message) {
    return new ApiException(400, INVALID, param, code, Map.of(), message, null);
  }

  /** 400 for something that was found out elsewhere. */
  public static ApiException invalid(RuntimeException cause) {
    return new ApiException(400, INVALID, null, VALUE, Map.of(), String.valueOf(cause.getMessage()),
        cause);
  }

  /** 401. */
  public static ApiException unauthorized(String message) {
    return new ApiException(401, INVALID, null, "invalid_api_key",
        Map.of("WWW-Authenticate", "Bearer"), message, null);
  }

  /** 403. */
  public static ApiException forbidden(String message) {
    return new ApiException(403, INVALID, null, "forbidden", Map.of(), message, null);
  }

  /** 404: there is no such thing. */
  public static ApiException notFound(@Nullable String param, String code, String message) {
    return new ApiException(404, INVALID, param, code, Map.of(), message, null);
  }

  /** 405: the path is known, but by other methods. */
  public static ApiException method(String method, String path, String allowed) {
    return new ApiException(405, INVALID, null, "method_not_allowed", Map.of("Allow", allowed),
        method + " is not a method of " + path + "; use " + allowed, null);
  }

  /** 413. */
  public static ApiException tooLarge(int most) {
    return new ApiException(413, INVALID, null, "request_too_large", Map.of(),
        "the body has more than " + most + " bytes, the most that this server reads", null);
  }

  /** 415. */
  public static ApiException mediaType(String message) {
    return new ApiException(415, INVALID, null, "unsupported_media_type", Map.of(), message, null);
  }

  /** 429: later, in so many seconds. */
  public static ApiException tooMany(int retryAfterSeconds, RuntimeException cause) {
    return new ApiException(429, "rate_limit_error", null, "queue_full",
        Map.of("Retry-After", Integer.toString(retryAfterSeconds)),
        String.valueOf(cause.getMessage()), cause);
  }

  /** 500: our fault, whose details are in the log alone. */
  public static ApiException internal(Throwable cause) {
    return new ApiException(500, "server_error", null, "internal_error", Map.of(),
        "the server failed at this request; its log says how", cause);
  }

  /** 503: not now. */
  public static ApiException unavailable(String code, String message) {
    return new ApiException(503, "server_error", null, code, Map.of("Retry-After", "1"), message,
        null);
  }

  /** Of the reply. */
  public int status() {
    return status;
  }

  /** Which field is meant, if one is. */
  public @Nullable String param() {
    return param;
  }

  /** What programs compare. */
  public @Nullable String code() {
    return code;
  }

  /** Headers of the reply. */
  public Map<String, String> headers() {
    return headers;
  }

  /** The reply's body. */
  public ObjectNode toJson() {
    ObjectNode json = Json.object();
    json.putObject("error").put("message", getMessage()).put("type", type).put("param", param)
        .put("code", code);
    return json;
  }

  private static String shorten(String message) {
    String line = message.replaceAll("\\p{Cntrl}", " ");
    return line.length() <= MOST_CHARACTERS ? line : line.substring(0, MOST_CHARACTERS) + "...";
  }
}

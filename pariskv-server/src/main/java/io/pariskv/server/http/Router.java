package io.pariskv.server.http;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Which handler a path has. Add the routes first; then it may be used by any thread. */
public final class Router {
  private final List<Route> routes = new ArrayList<>();

  /** Answers requests, each on a thread of its own. */
  @FunctionalInterface
  public interface Handler {
    /**
     * Reads the request and replies.
     *
     * @throws ApiException to reply with an error
     * @throws ClientGoneException if there is nobody to reply to
     */
    void handle(Exchange exchange) throws IOException;
  }

  /** Who may use a route, and when. */
  public enum Access {
    /** With a key, if the server has some, and while it takes requests. */
    KEY,
    /** With a key, also while the server drains. */
    KEY_ALWAYS,
    /** Anybody, always: what tells whether the server is there. */
    OPEN
  }

  /** A path that ends with a slash stands for all that begin with it. */
  record Route(String method, String path, Access access, Handler handler) {
    boolean matches(String asked) {
      return path.endsWith("/") && path.length() > 1
          ? asked.startsWith(path) && asked.length() > path.length()
          : asked.equals(path);
    }

    boolean takes(String asked) {
      return method.equals(asked) || (method.equals("GET") && asked.equals("HEAD"));
    }
  }

  /** No routes. */
  public Router() {
  }

  /** Adds a path that is read; one that ends with a slash stands for all that begin with it. */
  public Router get(String path, Access access, Handler handler) {
    routes.add(new Route("GET", path, access, handler));
    return this;
  }

  /** Adds a path that is posted to. */
  public Router post(String path, Handler handler) {
    routes.add(new Route("POST", path, Access.KEY, handler));
    return this;
  }

  /** Adds a path whose things can be deleted; it ends with a slash. */
  public Router delete(String path, Handler handler) {
    routes.add(new Route("DELETE", path, Access.KEY, handler));
    return this;
  }

  /** The route of a request. */
  Route find(String method, String path) {
    List<Route> same = routes.stream().filter(route -> route.matches(path)).toList();
    if (same.isEmpty()) {
      throw ApiException.notFound(null, "not_found",
          "there is nothing at " + Json.shorten(path) + "; paths are "
              + routes.stream().map(Route::path).distinct().collect(Collectors.joining(", ")));
    }
    return same.stream().filter(route -> route.takes(method)).findFirst()
        .orElseThrow(() -> ApiException.method(Json.shorten(method), Json.shorten(path),
            same.stream().map(Route::method).distinct().collect(Collectors.joining(", "))));
  }
}

package io.pariskv.server.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.pariskv.error.InputException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The JDK's HTTP server with a virtual thread a request: finds the route, checks the key, turns what goes wrong into
 * replies, and writes the log.
 *
 * <p>Limits of that server which it takes from system properties, for the whole process, are set here unless the user has
 * set them: connections, headers, the time a request may take to arrive; and that small writes are not held back.
 */
public final class HttpService implements AutoCloseable {
  /** Connections that wait to be accepted. With the JDK's 50 a burst of clients loses some before anybody has seen them. */
  private static final int BACKLOG = 1000;
  private static final Map<String, String> PROPERTIES = Map.of(
      "jdk.httpserver.maxConnections", "1000",
      "sun.net.httpserver.maxReqHeaders", "100",
      "sun.net.httpserver.maxReqHeaderSize", "32768",
      "sun.net.httpserver.maxReqTime", "600",
      "sun.net.httpserver.nodelay", "true");

  private static final int FRAMES = 8;
  private static final Duration ABANDONED = Duration.ofSeconds(5);

  private final Router router;
  private final ApiKeys keys;
  private final HttpLimits limits;
  private final RequestLog log;
  private final Observer observer;
  private final StallWatch watch;
  private final BodyReader bodies;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Object idle = new Object();
  private int running;
  private volatile boolean draining;

  /** Counts requests. */
  @FunctionalInterface
  public interface Observer {
    /** A request has ended, with this status; 0 if the client had gone before there was one. */
    void ended(String route, int status);
  }

  /**
   * Binds the address; nothing is answered before {@link #start}.
   *
   * @param tls for HTTPS, null for HTTP
   * @throws InputException if the address cannot be used
   */
  public HttpService(InetSocketAddress address, @Nullable SSLContext tls, Router router,
      ApiKeys keys, HttpLimits limits, RequestLog log, Observer observer) {
    PROPERTIES.forEach((name, value) -> {
      if (System.getProperty(name) == null) {
        System.setProperty(name, value);
      }
    });
    this.router = router;
    this.keys = keys;
    this.limits = limits;
    this.log = log;
    this.observer = observer;
    this.server = bind(address, tls);
    this.watch = new StallWatch(limits.stall());
    this.bodies = new BodyReader(limits, watch);
  }

  private static HttpServer bind(InetSocketAddress address, @Nullable SSLContext tls) {
    try {
      if (tls == null) {
        return HttpServer.create(address, BACKLOG);
      }
      HttpsServer server = HttpsServer.create(address, BACKLOG);
      server.setHttpsConfigurator(new HttpsConfigurator(tls));
      return server;
    } catch (IOException e) {
      throw new InputException("cannot listen at " + address.getHostString() + ":"
          + address.getPort() + " (" + e.getMessage() + "); give another --port or --host", e);
    }
  }

  /** Starts to answer. */
  public void start() {
    server.createContext("/", new Entry());
    server.setExecutor(threads);
    server.start();
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  /** Whether new requests are refused. */
  public boolean draining() {
    return draining;
  }

  /** Refuses new requests from here on; those that run go on. */
  public void drain() {
    draining = true;
  }

  /** Waits until no request runs; whether that came to be. */
  public boolean awaitIdle(Duration atMost) {
    long end = System.nanoTime() + atMost.toNanos();
    synchronized (idle) {
      for (long left = atMost.toNanos(); running > 0 && left > 0; left = end - System.nanoTime()) {
        try {
          idle.wait(Math.ceilDiv(left, 1_000_000));
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return false;
        }
      }
      return running == 0;
    }
  }

  private void count(int change) {
    synchronized (idle) {
      running += change;
      idle.notifyAll();
    }
  }

  /** Closes all connections. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
    awaitIdle(ABANDONED); // requests cancel what they had asked for
    watch.close();
  }

  /** Where the JDK's server hands over. An exception from here closes the connection. */
  private final class Entry implements HttpHandler {
    @Override
    public void handle(HttpExchange http) throws IOException {
      count(1);
      Exchange exchange = new Exchange(http, UUID.randomUUID().toString().replace("-", ""), limits,
          watch, bodies);
      String route = "other";
      try {
        Router.Route found = router.find(exchange.method(), exchange.path());
        route = found.path();
        admit(found, exchange);
        found.handler().handle(exchange);
      } catch (ClientGoneException e) {
        exchange.notes().put("client_gone", true);
        throw e;
      } catch (ApiException e) {
        refuse(exchange, e);
      } catch (RuntimeException | OutOfMemoryError e) {
        refuse(exchange, failure(exchange, e));
      } finally {
        exchange.forgetBody();
        end(exchange, route);
        count(-1);
      }
    }
  }

  private void admit(Router.Route route, Exchange exchange) {
    if (route.access() != Router.Access.OPEN) {
      exchange.setKey(keys.check(exchange.header("Authorization")));
      if (!keys.required() && server.getAddress().getAddress().isLoopbackAddress()) {
        LocalHost.check(exchange.header("Host"));
      }
    }
    if (draining && route.access() == Router.Access.KEY) {
      throw ApiException.unavailable("shutting_down",
          "the server is about to end and takes no more requests");
    }
  }

  private static ApiException failure(Exchange exchange, Throwable e) {
    if (e instanceof InputException input) {
      return ApiException.invalid(input);
    }
    exchange.notes().put("failure", e.getClass().getName()); // its message may quote a prompt
    ArrayNode at = exchange.notes().putArray("failed_at");
    Stream.of(e.getStackTrace()).limit(FRAMES).map(StackTraceElement::toString).forEach(at::add);
    return e instanceof OutOfMemoryError
        ? ApiException.unavailable("out_of_memory",
            "the server's Java heap is full; send a smaller request, or try again later")
        : ApiException.internal(e);
  }

  private static void refuse(Exchange exchange, ApiException error) throws IOException {
    exchange.notes().put("error", error.code()).put("param", error.param());
    if (exchange.status() != 0) {
      throw new IOException("the reply had begun; the connection ends", error);
    }
    exchange.send(error);
  }

  private void end(Exchange exchange, String route) {
    double seconds = (System.nanoTime() - exchange.startedAt()) / 1e9;
    observer.ended(route, exchange.status());
    ObjectNode entry = Json.object();
    entry.put("time", Instant.now().toString()).put("id", exchange.id())
        .put("method", Json.shorten(exchange.method())).put("route", route)
        .put("status", exchange.status());
    entry.setAll(exchange.notes());
    entry.put("total_ms", Math.round(seconds * 1e3));
    log.write(entry);
  }
}

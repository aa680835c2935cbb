package io.pariskv.server;

import static io.pariskv.server.http.Router.Access.KEY;
import static io.pariskv.server.http.Router.Access.KEY_ALWAYS;
import static io.pariskv.server.http.Router.Access.OPEN;

import io.pariskv.error.InputException;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.HttpService;
import io.pariskv.server.http.Json;
import io.pariskv.server.http.RequestLog;
import io.pariskv.server.http.Router;
import io.pariskv.server.live.AttentionEndpoint;
import io.pariskv.server.live.LiveRequests;
import io.pariskv.server.live.PageEndpoint;
import io.pariskv.server.live.StatusEndpoint;
import io.pariskv.server.metrics.ServerMetrics;
import io.pariskv.server.model.ServedModel;
import io.pariskv.server.model.ServedModels;
import io.pariskv.server.openai.CachesEndpoint;
import io.pariskv.server.openai.ChatEndpoint;
import io.pariskv.server.openai.CompletionsEndpoint;
import io.pariskv.server.openai.ModelsEndpoint;
import io.pariskv.server.openai.ResponsesEndpoint;
import io.pariskv.server.openai.Serving;
import io.pariskv.server.openai.TokenizeEndpoint;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * A running server. It answers until it is closed; engines and models belong to whoever started it, and are closed after it.
 *
 * <pre>{@code
 * try (Engine engine = ...;
 *     ParisKvServer server = ParisKvServer.start(ServerSettings.local(), models, RequestLog.NONE)) {
 *   System.out.println(server.url());
 *   ...
 *   server.drain(Duration.ofSeconds(30));
 * }
 * }</pre>
 *
 * <p>Thread-safe.
 */
public final class ParisKvServer implements AutoCloseable {
  /** For replies to be written whose answers have ended. */
  private static final Duration LAST_WRITES = Duration.ofSeconds(5);

  private final ServerSettings settings;
  private final ServedModels models;
  private final HttpService http;

  private ParisKvServer(ServerSettings settings, ServedModels models, RequestLog log) {
    this.settings = settings;
    this.models = models;
    ServerMetrics metrics = new ServerMetrics(models);
    Serving serving = new Serving(models, metrics, settings.deadline(), settings.logPrompts(),
        Instant.now().getEpochSecond(), this::draining, ConcurrentHashMap.newKeySet(),
        new LiveRequests());
    InetSocketAddress address = new InetSocketAddress(settings.host(), settings.port());
    if (address.isUnresolved()) {
      throw new InputException(
          "the host '" + settings.host() + "' has no address; give another --host");
    }
    this.http = new HttpService(address, settings.tls(), routes(serving), settings.keys(),
        settings.limits(), log, metrics::replied);
    http.start();
  }

  /**
   * Starts to listen.
   *
   * @param models at least one, each with a name of its own
   * @param log of requests
   * @throws InputException if the address cannot be used
   */
  public static ParisKvServer start(ServerSettings settings, List<ServedModel> models,
      RequestLog log) {
    return new ParisKvServer(settings, new ServedModels(models), log);
  }

  private Router routes(Serving serving) {
    ModelsEndpoint listed = new ModelsEndpoint(serving);
    TokenizeEndpoint tokens = new TokenizeEndpoint(serving);
    PageEndpoint page = new PageEndpoint();
    CachesEndpoint caches = new CachesEndpoint(serving);
    return new Router()
        .post("/v1/chat/completions", new ChatEndpoint(serving))
        .post("/v1/completions", new CompletionsEndpoint(serving))
        .post("/v1/responses", new ResponsesEndpoint(serving))
        .get(ModelsEndpoint.PATH, KEY, listed::list)
        .get(ModelsEndpoint.PATH + "/", KEY, listed::one)
        .get(CachesEndpoint.PATH, KEY, caches::list)
        .post(CachesEndpoint.PATH, caches::create)
        .post(CachesEndpoint.PATH + "/", caches::load)
        .delete(CachesEndpoint.PATH + "/", caches::delete)
        .post("/tokenize", tokens::tokenize)
        .post("/detokenize", tokens::detokenize)
        .get("/", OPEN, page::page)
        .get(PageEndpoint.PATH, OPEN, page::file)
        .get("/status", KEY_ALWAYS, new StatusEndpoint(models, settings.version()))
        .get(AttentionEndpoint.PATH, KEY_ALWAYS, new AttentionEndpoint(serving.live()))
        .get("/health", OPEN, exchange -> health(exchange, serving))
        .get("/health/ready", OPEN, exchange -> ready(exchange, serving))
        .get("/version", OPEN,
            exchange -> exchange.send(200, Json.object().put("version", settings.version())))
        .get("/metrics", KEY_ALWAYS, exchange -> exchange.send(200, ServerMetrics.contentType(),
            serving.metrics().text()));
  }

  /** Whether the process is worth keeping. */
  private static void health(Exchange exchange, Serving serving) throws IOException {
    if (!serving.failed().isEmpty()) {
      throw ApiException.unavailable("engine_failed",
          "the engine has failed of " + String.join(", ", serving.failed()));
    }
    exchange.send(200, Json.object().put("status", "ok"));
  }

  /** Whether it takes requests. */
  private void ready(Exchange exchange, Serving serving) throws IOException {
    if (draining()) {
      throw ApiException.unavailable("shutting_down", "the server is about to end");
    }
    health(exchange, serving);
  }

  /** Where it is reached, such as {@code http://127.0.0.1:8000}. */
  public URI url() {
    String host = settings.host().contains(":") ? "[" + settings.host() + "]" : settings.host();
    return URI.create((settings.tls() == null ? "http://" : "https://") + host + ":"
        + http.address().getPort());
  }

  private boolean draining() {
    return http.draining();
  }

  /**
   * Takes no more requests; waits until those that run have ended, and cuts them when the time is over.
   *
   * @return whether all of them ended by themselves
   */
  public boolean drain(Duration atMost) {
    http.drain();
    List<Future<Boolean>> drained = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (ServedModel model : models.all()) {
        drained.add(threads.submit(() -> model.engine().drain(atMost)));
      }
    }
    boolean all = http.awaitIdle(LAST_WRITES);
    for (Future<Boolean> each : drained) {
      try {
        all &= each.get();
      } catch (ExecutionException e) {
        throw new IllegalStateException("an engine failed to drain", e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return all;
  }

  /** Closes all connections; answers that run are cancelled. */
  @Override
  public void close() {
    http.close();
  }
}

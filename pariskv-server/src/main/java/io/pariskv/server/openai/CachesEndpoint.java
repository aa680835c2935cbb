package io.pariskv.server.openai;

import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineListener;
import io.pariskv.engine.EngineStoppedException;
import io.pariskv.engine.QueueFullException;
import io.pariskv.error.InputException;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationResult;
import io.pariskv.saved.CacheHeader;
import io.pariskv.saved.SavedCache;
import io.pariskv.saved.SavedCaches;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import io.pariskv.server.http.OpenReply;
import io.pariskv.server.model.ServedModel;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code /v1/caches}: prompts that are computed once and saved to files of the server's directory, under names, never
 * paths, of the clients' choice.
 */
public final class CachesEndpoint {
  /** Of the list; one cache's has its name behind a slash. */
  public static final String PATH = "/v1/caches";

  private static final String LOAD = "/load";

  private final Serving serving;
  /** Names that are being saved. */
  private final Set<String> saving = ConcurrentHashMap.newKeySet();

  /** For these models. */
  public CachesEndpoint(Serving serving) {
    this.serving = serving;
  }

  /** Saves a prompt: {@code POST /v1/caches}. */
  public void create(Exchange exchange) throws IOException {
    Fields fields = new Fields(exchange.readJson());
    ServedModel model = serving.model(fields);
    String name = name(fields.requiredText("name"));
    int[] prompt = prompt(fields, model);
    SavedCaches caches = caches(model);
    if (caches.isTaken(name) || !saving.add(name)) {
      throw ApiException.invalid("name", "already_exists",
          "there is a cache of the name " + name + "; delete it, or choose another name");
    }
    try {
      note(exchange, model, name);
      exchange.forgetBody();
      run(exchange, model, name, heard -> model.engine().save(prompt, name, heard));
    } finally {
      saving.remove(name);
    }
  }

  /** A text, or a conversation up to its last message, so that more may follow. */
  private static int[] prompt(Fields fields, ServedModel model) {
    if (fields.any("messages") != null) {
      ChatPrompt chat = ChatPrompt.read(fields, model);
      boolean generation = fields.flag("add_generation_prompt", false);
      fields.end();
      return chat.encode(model, generation);
    }
    String text = fields.text("prompt");
    if (text == null) {
      throw fields.missing("prompt");
    }
    boolean specials = fields.flag("add_special_tokens", true);
    fields.end();
    return PromptEncoder.text(model, text, specials);
  }

  /** Loads a file, so that it is in memory when it is wanted: {@code POST /v1/caches/NAME/load}. */
  public void load(Exchange exchange) throws IOException {
    String path = exchange.path();
    if (!path.endsWith(LOAD)) {
      throw ApiException.notFound(null, "not_found",
          "there is nothing to post to at " + Json.shorten(path) + "; use " + PATH + "/NAME"
              + LOAD);
    }
    String name = name(path.substring(PATH.length() + 1, path.length() - LOAD.length()));
    Fields fields = new Fields(exchange.readJson());
    ServedModel named = fields.any("model") == null ? null : serving.model(fields);
    fields.end();
    exchange.forgetBody();
    ServedModel model = named == null ? owner(name) : named;
    SavedCache cache = find(model, name);
    note(exchange, model, name);
    run(exchange, model, name, heard -> model.engine().load(cache, heard));
  }

  /** All files: {@code GET /v1/caches}. */
  public void list(Exchange exchange) throws IOException {
    ObjectNode list = Json.object().put("object", "list");
    ArrayNode data = list.putArray("data");
    boolean any = false;
    for (ServedModel model : serving.models().all()) {
      SavedCaches caches = model.engine().savedCaches();
      any |= caches != null;
      if (caches != null) {
        caches.all().forEach(cache -> data.add(entry(model, cache)));
      }
    }
    if (!any) {
      throw none();
    }
    exchange.send(200, list);
  }

  /** Deletes a file; what is loaded stays: {@code DELETE /v1/caches/NAME}. */
  public void delete(Exchange exchange) throws IOException {
    String name = name(exchange.path().substring(PATH.length() + 1));
    if (!caches(owner(name)).delete(name)) {
      throw missing(name);
    }
    exchange.send(200, Json.object().put("name", name).put("object", "cache").put("deleted", true));
  }

  private static String name(String given) {
    if (!SavedCaches.isName(given)) {
      throw ApiException.invalid("name", "name is \"" + Json.shorten(given) + "\", expected "
          + SavedCaches.nameRule());
    }
    return given;
  }

  /** The model that the cache is of. */
  private ServedModel owner(String name) {
    boolean any = false;
    for (ServedModel model : serving.models().all()) {
      SavedCaches caches = model.engine().savedCaches();
      any |= caches != null;
      if (caches != null && caches.find(name) != null) {
        return model;
      }
    }
    throw any ? missing(name) : none();
  }

  private static SavedCaches caches(ServedModel model) {
    SavedCaches caches = model.engine().savedCaches();
    if (caches == null) {
      throw none();
    }
    return caches;
  }

  private static SavedCache find(ServedModel model, String name) {
    SavedCache cache = caches(model).find(name);
    if (cache == null) {
      throw missing(name);
    }
    String problem = cache.problem();
    if (problem != null) {
      throw ApiException.invalid("name", "cache_unusable", withoutPaths(cache, problem));
    }
    return cache;
  }

  private static ApiException none() {
    return ApiException.notFound(null, "no_cache_directory",
        "this server keeps no caches in files; start it with --cache-dir DIR");
  }

  private static ApiException missing(String name) {
    return ApiException.notFound("name", "cache_not_found",
        "there is no cache of the name " + name + "; GET " + PATH + " lists those there are");
  }

  /** Where the server keeps its files is not the clients' business. */
  private static String withoutPaths(SavedCache cache, String message) {
    return message.replace(cache.file().toString(), cache.name());
  }

  private static ObjectNode entry(ServedModel model, SavedCache cache) {
    ObjectNode entry = Json.object().put("name", cache.name()).put("object", "cache")
        .put("model", model.id()).put("bytes", cache.bytes());
    CacheHeader header = cache.header();
    if (header != null) {
      entry.put("tokens", header.tokens()).put("created", header.created().getEpochSecond())
          .put("prefill_seconds", header.prefillSeconds());
    }
    String problem = cache.problem();
    return problem == null ? entry : entry.put("problem", withoutPaths(cache, problem));
  }

  private static void note(Exchange exchange, ServedModel model, String name) {
    exchange.notes().put("model", model.id()).put("cache", name);
  }

  /** Takes the end from the engine's thread to that of the request. */
  private static final class Heard implements EngineListener {
    final CompletableFuture<GenerationResult> end = new CompletableFuture<>();
    private volatile boolean gone;

    @Override
    public boolean onPrefill(int done, int total) {
      return !gone;
    }

    @Override
    public boolean onToken(int token, String text) {
      return !gone;
    }

    @Override
    public void onEnd(GenerationResult result) {
      end.complete(result);
    }

    @Override
    public void onFailure(Exception failure) {
      end.completeExceptionally(failure);
    }
  }

  /** Waits for the engine; spaces, which JSON allows, show meanwhile that both sides are there. */
  private void run(Exchange exchange, ServedModel model, String name,
      Function<EngineListener, Engine.Ticket> begin) throws IOException {
    long start = System.nanoTime();
    Heard heard = new Heard();
    Engine.Ticket ticket = submit(model, name, begin, heard);
    OpenReply reply = exchange.open("application/json", " ");
    try {
      GenerationResult result = await(heard, reply, exchange.heartbeat(), model, name);
      SavedCache cache = Objects.requireNonNull(caches(model).find(name), name);
      ObjectNode json = entry(model, cache).put("cached_tokens", result.cachedTokens())
          .put("seconds", (System.nanoTime() - start) / 1e9);
      if (reply.started()) {
        reply.send(Json.text(json));
        reply.end();
      } else {
        exchange.send(200, json);
      }
    } finally {
      heard.gone = true;
      ticket.cancel();
    }
  }

  private Engine.Ticket submit(ServedModel model, String name,
      Function<EngineListener, Engine.Ticket> begin, Heard heard) {
    try {
      return begin.apply(heard);
    } catch (QueueFullException e) {
      throw ApiException.tooMany(serving.metrics().of(model).retryAfterSeconds(), e);
    } catch (EngineStoppedException e) {
      throw ApiException.unavailable("engine_stopped", String.valueOf(e.getMessage()));
    } catch (InputException e) {
      throw refused(model, name, e);
    }
  }

  private static ApiException refused(ServedModel model, String name, InputException e) {
    return ApiException.invalid("name", "cache_refused", String.valueOf(e.getMessage())
        .replace(caches(model).file(name).toString(), name));
  }

  private static GenerationResult await(Heard heard, OpenReply reply, Duration beat,
      ServedModel model, String name) throws IOException {
    ApiException problem;
    try {
      GenerationResult result = await(heard, reply, beat);
      if (result.finishReason() != FinishReason.CANCELLED) {
        return result;
      }
      problem = ApiException.unavailable("shutting_down", "the server is about to end");
    } catch (ExecutionException e) {
      problem = e.getCause() instanceof InputException input
          ? refused(model, name, input)
          : ApiException.internal(Objects.requireNonNullElse(e.getCause(), e));
    } catch (InterruptedException e) { // the server closes
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("the server is closed").initCause(e);
    }
    if (reply.started()) { // too late for a status: the connection is cut after this
      reply.send(Json.text(problem.toJson()));
    }
    throw problem;
  }

  private static GenerationResult await(Heard heard, OpenReply reply, Duration beat)
      throws IOException, ExecutionException, InterruptedException {
    while (true) {
      try {
        return heard.end.get(beat.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        reply.beat();
      }
    }
  }
}

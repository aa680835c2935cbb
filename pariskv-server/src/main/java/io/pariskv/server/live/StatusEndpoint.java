package io.pariskv.server.live;

import io.pariskv.engine.CacheStatus;
import io.pariskv.engine.EngineStatus;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Json;
import io.pariskv.server.http.Router;
import io.pariskv.server.model.ModelAbout;
import io.pariskv.server.model.ServedModel;
import io.pariskv.server.model.ServedModels;
import java.io.IOException;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code GET /status}: what each model is, the memory it was planned to take, and what its engine does now. */
public final class StatusEndpoint implements Router.Handler {
  private final ServedModels models;
  private final String version;

  /** Of these models. */
  public StatusEndpoint(ServedModels models, String version) {
    this.models = models;
    this.version = version;
  }

  @Override
  public void handle(Exchange exchange) throws IOException {
    ObjectNode json = Json.object().put("version", version);
    ArrayNode all = json.putArray("models");
    models.all().forEach(model -> all.add(model(model)));
    exchange.send(200, json);
  }

  private static ObjectNode model(ServedModel model) {
    ModelAbout about = model.about();
    ObjectNode json = Json.object().put("id", model.id()).put("context_length", model.context())
        .put("method", about.method()).put("backend", about.backend());
    MemoryPlan plan = about.plan();
    if (plan == null) {
      json.putNull("memory_plan");
    } else {
      plan(json.putObject("memory_plan"), plan, about);
    }
    EngineStatus now = model.engine().status();
    CacheStatus caches = model.engine().cacheStatus();
    json.putObject("now").put("running", now.prefilling() + now.decoding())
        .put("prefilling", now.prefilling()).put("waiting", now.waiting())
        .put("places", now.places()).put("prompt_tokens", now.promptTokens())
        .put("cached_tokens", now.cachedTokens()).put("generated_tokens", now.generatedTokens())
        .put("held_tokens", now.heldTokens()).put("kept_tokens", caches.keptTokens())
        .put("room_tokens", now.roomTokens()).put("kv_gpu_bytes", caches.gpuBytes())
        .put("kv_host_bytes", caches.hostBytes());
    return json;
  }

  private static void plan(ObjectNode json, MemoryPlan plan, ModelAbout about) {
    json.put("tokens", about.plannedTokens());
    ArrayNode parts = json.putArray("parts");
    for (MemoryPlan.Part part : plan.parts()) {
      parts.addObject().put("name", part.name()).put("bytes", part.bytes()).put("place",
          part.place().toString());
    }
    json.put("host_available_bytes", about.available().hostBytes())
        .put("gpu_available_bytes", about.available().gpuBytes());
  }
}

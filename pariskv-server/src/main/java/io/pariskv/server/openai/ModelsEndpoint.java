package io.pariskv.server.openai;

import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Json;
import io.pariskv.server.model.ServedModel;
import java.io.IOException;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code GET /v1/models} and {@code /v1/models/{id}}. */
public final class ModelsEndpoint {
  /** Of the list; one model's has its id behind a slash. */
  public static final String PATH = "/v1/models";

  private final Serving serving;

  /** For these models. */
  public ModelsEndpoint(Serving serving) {
    this.serving = serving;
  }

  /** All models. */
  public void list(Exchange exchange) throws IOException {
    ObjectNode list = Json.object().put("object", "list");
    ArrayNode data = list.putArray("data");
    serving.models().all().forEach(model -> data.add(entry(model)));
    exchange.send(200, list);
  }

  /** The model whose id ends the path. */
  public void one(Exchange exchange) throws IOException {
    exchange.send(200, entry(serving.model(exchange.path().substring(PATH.length() + 1))));
  }

  /** The window has two names: vLLM's and OpenRouter's. */
  private ObjectNode entry(ServedModel model) {
    return Json.object().put("id", model.id()).put("object", "model")
        .put("created", serving.startedAt()).put("owned_by", "pariskv")
        .put("max_model_len", model.context()).put("context_length", model.context());
  }
}

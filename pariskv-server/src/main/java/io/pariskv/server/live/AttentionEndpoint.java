package io.pariskv.server.live;

import io.pariskv.engine.ContextAttention;
import io.pariskv.kv.TokenZones;
import io.pariskv.method.SelectedPlaces;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.http.Json;
import io.pariskv.server.http.Router;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code GET /v1/requests/{id}/attention}: where in its context a request's decode steps select. The id is that of the answer,
 * or what the header {@code X-Request-Id} says; whoever has another key is told that there is no such request.
 */
public final class AttentionEndpoint implements Router.Handler {
  /** Of all requests. */
  public static final String PATH = "/v1/requests/";

  private static final String END = "/attention";
  /** A step takes less; a chunk of a long prompt may take more, and then the last look is told. */
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  private final LiveRequests requests;

  /** Of these requests. */
  public AttentionEndpoint(LiveRequests requests) {
    this.requests = requests;
  }

  @Override
  public void handle(Exchange exchange) throws IOException {
    String path = exchange.path();
    if (!path.endsWith(END) || path.length() <= PATH.length() + END.length()) {
      throw ApiException.notFound(null, "not_found",
          "there is nothing at " + Json.shorten(path) + "; use " + PATH + "{id}" + END);
    }
    String id = path.substring(PATH.length(), path.length() - END.length());
    LiveRequests.LiveRequest request = requests.find(exchangeId(id));
    ContextAttention now = request == null || request.key() != exchange.key()
        ? null
        : request.attention(PATIENCE);
    if (request == null || now == null) {
      throw ApiException.notFound("id", "request_not_found", "no request " + Json.shorten(id)
          + " runs, or has ended in the last two minutes, that this key may see");
    }
    exchange.send(200, json(id, request, now));
  }

  /** An answer's id has a prefix of its kind. */
  private static String exchangeId(String id) {
    return id.substring(Math.max(id.lastIndexOf('-'), id.lastIndexOf('_')) + 1);
  }

  private static ObjectNode json(String id, LiveRequests.LiveRequest request,
      ContextAttention now) {
    TokenZones zones = now.zones();
    ObjectNode json = Json.object().put("id", id).put("object", "attention")
        .put("model", request.model().id()).put("method", request.model().about().method())
        .put("state", now.state().name().toLowerCase(Locale.ROOT))
        .put("prompt_tokens", now.promptTokens()).put("context_tokens", zones.length());
    ObjectNode parts = json.putObject("zones");
    parts.putArray("sink").add(0).add(zones.sinkEnd());
    parts.putArray("retrieval").add(zones.sinkEnd()).add(zones.recentStart());
    parts.putArray("recent").add(zones.recentStart()).add(zones.length());
    SelectedPlaces places = now.places();
    if (places == null) {
      json.putNull("selected");
    } else {
      selected(json.putObject("selected"), places, zones.length());
    }
    return json;
  }

  private static void selected(ObjectNode json, SelectedPlaces places, int length) {
    int bins = Math.min(Math.ceilDiv(length, places.binTokens()), places.sums().length);
    json.put("bin_tokens", places.binTokens()).put("steps", places.steps());
    ArrayNode total = json.putArray("total");
    for (int bin = 0; bin < bins; bin++) {
      total.add(places.sums()[bin]);
    }
    ArrayNode latest = json.putArray("latest");
    for (int[] step : places.latest()) {
      ArrayNode row = latest.addArray();
      for (int bin = 0; bin < bins; bin++) {
        row.add(step[bin]);
      }
    }
  }
}

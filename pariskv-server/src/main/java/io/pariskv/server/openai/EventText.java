package io.pariskv.server.openai;

import io.pariskv.server.http.Json;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Server-sent events that wait to be sent together. Not thread-safe. */
final class EventText {
  /** Means nothing, and may stand between any two events. */
  static final String COMMENT = ": keep-alive\n\n";

  private final StringBuilder text = new StringBuilder();

  /** An event without a name. */
  void add(JsonNode data) {
    text.append("data: ").append(Json.text(data)).append("\n\n");
  }

  /** An event whose name stands in its data too, as the field {@code type}. */
  void addNamed(ObjectNode data) {
    text.append("event: ").append(data.path("type").stringValue()).append('\n');
    add(data);
  }

  /** The last event of an answer that is complete. */
  void addDone() {
    text.append("data: [DONE]\n\n");
  }

  /** All of them; none are left. */
  String take() {
    String all = text.toString();
    text.setLength(0);
    return all;
  }
}

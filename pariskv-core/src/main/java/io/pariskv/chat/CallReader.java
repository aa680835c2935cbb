package io.pariskv.chat;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Makes calls of what a model wrote, and counts them. One an answer. Whatever a format calls the arguments, models also write
 * the other format's name: a call must not lose them for that.
 */
final class CallReader {
  private static final List<String> ARGUMENTS = List.of("arguments", "parameters");

  private int count;

  /** The call that this JSON text is, or null if it is none. */
  Part.@Nullable ToolCall read(String text) {
    JsonNode json = JsonValues.read(text);
    return json == null ? null : read(json);
  }

  /** The call that this is, or null. */
  Part.@Nullable ToolCall read(JsonNode json) {
    JsonNode name = json.path("name");
    List<JsonNode> given = ARGUMENTS.stream().map(json::path)
        .filter(each -> !each.isMissingNode() && !each.isNull()).toList();
    if (!name.isString() || given.size() > 1 || !given.stream().allMatch(JsonNode::isObject)) {
      return null;
    }
    String id = "call_" + UUID.randomUUID().toString().replace("-", "").substring(0, 24);
    return new Part.ToolCall(count++, id, name.stringValue(),
        given.isEmpty() ? "{}" : JsonValues.text(given.getFirst()));
  }
}

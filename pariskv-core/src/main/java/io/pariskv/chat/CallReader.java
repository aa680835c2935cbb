package io.pariskv.chat;

import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Makes calls of what a model wrote, and counts them. One an answer. */
final class CallReader {
  private final String argumentsField;
  private int count;

  /** @param argumentsField what the model calls the arguments */
  CallReader(String argumentsField) {
    this.argumentsField = argumentsField;
  }

  /** The call that this JSON text is, or null if it is none. */
  Part.@Nullable ToolCall read(String text) {
    JsonNode json = JsonValues.read(text);
    return json == null ? null : read(json);
  }

  /** The call that this is, or null. */
  Part.@Nullable ToolCall read(JsonNode json) {
    JsonNode name = json.path("name");
    JsonNode arguments = json.path(argumentsField);
    if (!name.isString() || !(arguments.isObject() || arguments.isMissingNode())) {
      return null;
    }
    String id = "call_" + UUID.randomUUID().toString().replace("-", "").substring(0, 24);
    return new Part.ToolCall(count++, id, name.stringValue(),
        arguments.isObject() ? JsonValues.text(arguments) : "{}");
  }
}

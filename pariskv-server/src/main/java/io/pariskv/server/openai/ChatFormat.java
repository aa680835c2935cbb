package io.pariskv.server.openai;

import io.pariskv.chat.Part;
import io.pariskv.server.http.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code chat.completion} and {@code chat.completion.chunk}.
 *
 * @param id of the answer
 * @param created seconds since 1970
 * @param model its id
 * @param includeUsage whether the client wants the numbers of tokens, for which every chunk has a place then
 */
record ChatFormat(String id, long created, String model,
    boolean includeUsage) implements AnswerFormat {
  private static final String THOUGHTS = "reasoning_content";

  @Override
  public ObjectNode opening() {
    return chunk(Json.object().put("role", "assistant").put("content", ""), null);
  }

  @Override
  public ObjectNode piece(Part part) {
    return switch (part) {
      case Part.Text text -> chunk(Json.object().put("content", text.text()), null);
      case Part.Thought thought -> chunk(Json.object().put(THOUGHTS, thought.text()), null);
      case Part.ToolCall call -> {
        ObjectNode delta = Json.object();
        delta.putArray("tool_calls").add(call(call).put("index", call.index()));
        yield chunk(delta, null);
      }
    };
  }

  @Override
  public ObjectNode ending(String finishReason) {
    return chunk(Json.object(), finishReason);
  }

  @Override
  public ObjectNode numbers(ObjectNode usage) {
    ObjectNode json = head("chat.completion.chunk");
    json.putArray("choices");
    json.set("usage", usage);
    return json;
  }

  @Override
  public ObjectNode whole(List<Part> parts, String finishReason, ObjectNode usage) {
    ObjectNode json = head("chat.completion");
    ObjectNode choice = json.putArray("choices").addObject().put("index", 0);
    ObjectNode message = choice.putObject("message").put("role", "assistant");
    StringBuilder content = new StringBuilder();
    StringBuilder thoughts = new StringBuilder();
    ArrayNode calls = Json.array();
    for (Part part : parts) {
      switch (part) {
        case Part.Text text -> content.append(text.text());
        case Part.Thought thought -> thoughts.append(thought.text());
        case Part.ToolCall call -> calls.add(call(call));
      }
    }
    message.put("content", content.isEmpty() && !calls.isEmpty() ? null : content.toString());
    if (!thoughts.isEmpty()) {
      message.put(THOUGHTS, thoughts.toString());
    }
    if (!calls.isEmpty()) {
      message.set("tool_calls", calls);
    }
    choice.putNull("logprobs").put("finish_reason", finishReason);
    json.set("usage", usage);
    return json;
  }

  private static ObjectNode call(Part.ToolCall call) {
    ObjectNode json = Json.object().put("id", call.id()).put("type", "function");
    json.putObject("function").put("name", call.name()).put("arguments", call.arguments());
    return json;
  }

  private ObjectNode chunk(ObjectNode delta, @Nullable String finishReason) {
    ObjectNode json = head("chat.completion.chunk");
    ObjectNode choice = json.putArray("choices").addObject().put("index", 0);
    choice.set("delta", delta);
    choice.putNull("logprobs").put("finish_reason", finishReason);
    return includeUsage ? json.putNull("usage") : json;
  }

  private ObjectNode head(String object) {
    return Json.object().put("id", id).put("object", object).put("created", created).put("model",
        model);
  }
}

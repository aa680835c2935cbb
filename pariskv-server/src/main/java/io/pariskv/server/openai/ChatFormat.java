package io.pariskv.server.openai;

import io.pariskv.server.http.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;
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

  @Override
  public ObjectNode opening() {
    return chunk(Json.object().put("role", "assistant").put("content", ""), null);
  }

  @Override
  public ObjectNode piece(Part part) {
    return switch (part) {
      case Part.Text text -> chunk(Json.object().put("content", text.text()), null);
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
    for (Part part : parts) {
      switch (part) {
        case Part.Text text -> content.append(text.text());
      }
    }
    message.put("content", content.toString());
    choice.putNull("logprobs").put("finish_reason", finishReason);
    json.set("usage", usage);
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

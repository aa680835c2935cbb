package io.pariskv.server.openai;

import io.pariskv.chat.Part;
import io.pariskv.server.http.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code text_completion}, whose pieces look like the whole.
 *
 * @param id of the answer
 * @param created seconds since 1970
 * @param model its id
 * @param includeUsage whether the client wants the numbers of tokens, for which every piece has a place then
 */
record CompletionFormat(String id, long created, String model,
    boolean includeUsage) implements AnswerFormat {

  @Override
  public @Nullable ObjectNode opening() {
    return null; // there is no role to tell; heartbeats come in its place
  }

  @Override
  public ObjectNode piece(Part part) {
    return piece(text(part), null);
  }

  @Override
  public ObjectNode ending(String finishReason) {
    return piece("", finishReason);
  }

  @Override
  public ObjectNode numbers(ObjectNode usage) {
    ObjectNode json = head();
    json.putArray("choices");
    json.set("usage", usage);
    return json;
  }

  @Override
  public ObjectNode whole(List<Part> parts, String finishReason, ObjectNode usage) {
    StringBuilder text = new StringBuilder();
    parts.forEach(part -> text.append(text(part)));
    ObjectNode json = choice(text.toString(), finishReason);
    json.set("usage", usage);
    return json;
  }

  private static String text(Part part) {
    return switch (part) {
      case Part.Text text -> text.text();
      case Part.Thought _,Part.ToolCall _ -> throw new IllegalStateException(
          "a completion is all text");
    };
  }

  private ObjectNode piece(String text, @Nullable String finishReason) {
    ObjectNode json = choice(text, finishReason);
    return includeUsage ? json.putNull("usage") : json;
  }

  private ObjectNode choice(String text, @Nullable String finishReason) {
    ObjectNode json = head();
    json.putArray("choices").addObject().put("text", text).put("index", 0).putNull("logprobs")
        .put("finish_reason", finishReason);
    return json;
  }

  private ObjectNode head() {
    return Json.object().put("id", id).put("object", "text_completion").put("created", created)
        .put("model", model);
  }
}

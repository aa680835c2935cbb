package io.pariskv.server.openai;

import io.pariskv.chat.Part;
import io.pariskv.generate.GenerationResult;
import io.pariskv.server.http.ApiException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code text_completion}, whose pieces look like the whole.
 *
 * @param chunks its head and its end
 */
record CompletionFormat(Chunks chunks) implements AnswerFormat {
  private static final String OBJECT = "text_completion";

  @Override
  public void begin(EventText out) {
    // there is no role to tell
  }

  @Override
  public void part(Part part, EventText out) {
    out.add(chunks.withPlaceOfUsage(choice(text(part), null)));
  }

  @Override
  public void end(String finishReason, GenerationResult result, EventText out) {
    out.add(chunks.withPlaceOfUsage(choice("", finishReason)));
    chunks.end(OBJECT, result, out);
  }

  @Override
  public void fail(ApiException problem, EventText out) {
    Chunks.fail(problem, out);
  }

  @Override
  public ObjectNode whole(List<Part> parts, String finishReason, GenerationResult result) {
    StringBuilder text = new StringBuilder();
    parts.forEach(part -> text.append(text(part)));
    ObjectNode json = choice(text.toString(), finishReason);
    json.set("usage", Chunks.usage(result));
    return json;
  }

  private static String text(Part part) {
    return switch (part) {
      case Part.Text text -> text.text();
      case Part.Thought _,Part.ToolCall _ -> throw new IllegalStateException(
          "a completion is all text");
    };
  }

  private ObjectNode choice(String text, @Nullable String finishReason) {
    ObjectNode json = chunks.head(OBJECT);
    json.putArray("choices").addObject().put("text", text).put("index", 0).putNull("logprobs")
        .put("finish_reason", finishReason);
    return json;
  }
}

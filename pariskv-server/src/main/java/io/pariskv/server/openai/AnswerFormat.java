package io.pariskv.server.openai;

import io.pariskv.chat.Part;
import io.pariskv.generate.GenerationResult;
import io.pariskv.server.http.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** The JSON of an answer: whole, or in pieces. */
interface AnswerFormat {

  /** What is sent before anything is known of the answer, or null. */
  @Nullable
  ObjectNode opening();

  /** A part of the answer. */
  ObjectNode piece(Part part);

  /** Why it ended, after all parts. */
  ObjectNode ending(String finishReason);

  /** The numbers of tokens, after that. */
  ObjectNode numbers(ObjectNode usage);

  /** All of it at once. */
  ObjectNode whole(List<Part> parts, String finishReason, ObjectNode usage);

  /** The numbers of tokens, as clients read them. */
  static ObjectNode usage(GenerationResult result) {
    int prompt = result.promptTokens();
    int answer = result.tokens().size();
    ObjectNode usage = Json.object().put("prompt_tokens", prompt).put("completion_tokens", answer)
        .put("total_tokens", prompt + answer);
    usage.putObject("prompt_tokens_details").put("cached_tokens", result.cachedTokens());
    return usage;
  }
}

package io.pariskv.server.openai;

import io.pariskv.generate.GenerationResult;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Json;
import tools.jackson.databind.node.ObjectNode;

/**
 * What answers of chat and of text completions have in common: a head, numbers of tokens, an end.
 *
 * @param id of the answer
 * @param created seconds since 1970
 * @param model its id
 * @param includeUsage whether the client wants the numbers of tokens behind the chunks, each of which has a place for them then
 */
record Chunks(String id, long created, String model, boolean includeUsage) {

  /** The first fields of any object. */
  ObjectNode head(String object) {
    return Json.object().put("id", id).put("object", object).put("created", created).put("model",
        model);
  }

  /** The last field of a chunk. */
  ObjectNode withPlaceOfUsage(ObjectNode chunk) {
    return includeUsage ? chunk.putNull("usage") : chunk;
  }

  /** What follows all chunks. */
  void end(String object, GenerationResult result, EventText out) {
    if (includeUsage) {
      ObjectNode numbers = head(object);
      numbers.putArray("choices");
      numbers.set("usage", usage(result));
      out.add(numbers);
    }
    out.addDone();
  }

  /** In place of that. */
  static void fail(ApiException problem, EventText out) {
    out.add(problem.toJson());
  }

  /** The numbers of tokens. */
  static ObjectNode usage(GenerationResult result) {
    int prompt = result.promptTokens();
    int answer = result.tokens().size();
    ObjectNode usage = Json.object().put("prompt_tokens", prompt).put("completion_tokens", answer)
        .put("total_tokens", prompt + answer);
    usage.putObject("prompt_tokens_details").put("cached_tokens", result.cachedTokens());
    return usage;
  }
}

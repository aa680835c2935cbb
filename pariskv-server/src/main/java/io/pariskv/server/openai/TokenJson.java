package io.pariskv.server.openai;

import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.TokenLogprobs;
import io.pariskv.server.http.Json;
import io.pariskv.server.model.ServedModel;
import io.pariskv.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * How probable tokens were, as JSON.
 *
 * @param tokenizer that knows their text
 */
record TokenJson(Tokenizer tokenizer) {
  /* In place of minus infinity, which JSON does not have; as vLLM has it. */
  private static final double LEAST = -9999;

  /** For the tokens of an answer; null if nobody wants to know how probable they are. */
  static @Nullable TokenJson of(ServedModel model, GenerationOptions options) {
    return options.logprobs() == GenerationOptions.NO_LOGPROBS
        ? null
        : new TokenJson(model.tokenizer());
  }

  /** Token by token, as chats and responses have it. */
  ArrayNode list(List<TokenLogprobs> tokens) {
    ArrayNode list = Json.array();
    for (TokenLogprobs token : tokens) {
      ObjectNode json = token(token.token(), token.logprob());
      ArrayNode top = json.putArray("top_logprobs");
      token.top().forEach(other -> top.add(token(other.token(), other.logprob())));
      list.add(json);
    }
    return list;
  }

  private ObjectNode token(int id, double logprob) {
    byte[] bytes = bytes(id);
    // Bytes that are a part of a character have no text of their own.
    ObjectNode json = Json.object().put("token", new String(bytes, StandardCharsets.UTF_8))
        .put("logprob", logprob(logprob));
    ArrayNode numbers = json.putArray("bytes");
    for (byte b : bytes) {
      numbers.add(Byte.toUnsignedInt(b));
    }
    return json;
  }

  static double logprob(double value) {
    return Math.max(value, LEAST);
  }

  /** What a token stands for; padding rows of the embedding, beyond the tokenizer, for nothing. */
  byte[] bytes(int id) {
    return id >= tokenizer.vocabularySize()
        ? new byte[0]
        : tokenizer.decode(new int[]{id}, false).getBytes(StandardCharsets.UTF_8);
  }

  /** Whether a token stands in the text of an answer. */
  boolean isText(int id) {
    return id < tokenizer.vocabularySize() && !tokenizer.isSpecial(id);
  }
}

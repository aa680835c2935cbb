package io.pariskv.server.openai;

import io.pariskv.error.InputException;
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
    ObjectNode json = Json.object().put("token", text(id)).put("logprob", logprob(logprob));
    if (isSpecial(id)) {
      return json.putNull("bytes");
    }
    ArrayNode numbers = json.putArray("bytes");
    for (byte b : bytes(id, false)) {
      numbers.add(Byte.toUnsignedInt(b));
    }
    return json;
  }

  static double logprob(double value) {
    return Math.max(value, LEAST);
  }

  /** Bytes that are a part of a character have no text of their own; a special token has that of its name. */
  String text(int id) {
    return isSpecial(id)
        ? String.valueOf(tokenizer.tokenText(id))
        : new String(bytes(id, false), StandardCharsets.UTF_8);
  }

  /** Whether a token has a name, but no text. */
  boolean isSpecial(int id) {
    return id < tokenizer.vocabularySize() && tokenizer.isSpecial(id);
  }

  /**
   * What a token adds to the text of an answer.
   *
   * @param first whether the answer begins with it
   */
  byte[] bytes(int id, boolean first) {
    if (id >= tokenizer.vocabularySize()) { // a padding row of the embedding
      return new byte[0];
    }
    try {
      return tokenizer.tokenBytes(id, first);
    } catch (InputException e) { // that depends on the tokens around: this is its text alone
      return tokenizer.decode(new int[]{id}, true).getBytes(StandardCharsets.UTF_8);
    }
  }
}

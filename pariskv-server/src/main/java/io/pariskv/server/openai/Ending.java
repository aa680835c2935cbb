package io.pariskv.server.openai;

import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.TokenLogprobs;
import java.util.List;

/**
 * The end of an answer that is complete.
 *
 * @param finishReason {@code stop}, {@code length} or {@code tool_calls}
 * @param tokens all since the last part; none if the client did not ask for their probabilities
 * @param result what the answer gave and cost
 */
record Ending(String finishReason, List<TokenLogprobs> tokens, GenerationResult result) {

  /** Whether the answer was cut. */
  boolean cut() {
    return finishReason.equals("length");
  }
}

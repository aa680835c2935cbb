package io.pariskv.generate;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a generation gave and what it cost.
 *
 * @param text the answer, without special tokens, cut before a stop string
 * @param tokens ids in the order chosen, the end-of-turn token included
 * @param finishReason why it ended
 * @param promptTokens tokens of the prompt
 * @param cachedTokens those of them that were in the cache already
 * @param prefillSeconds time to the first token
 * @param decodeSeconds time from the first token to the last
 * @param decodeSteps decode steps in that time
 * @param attendedTokensMean tokens that a step attended, mean over steps and layers; 0 without steps
 * @param kvBytesPerToken bytes of K and V that a step read, mean
 * @param summaryBytesPerToken bytes of summaries that a step read, mean
 * @param heldTokens tokens in the cache at the end
 * @param summaryBytes bytes of summaries and retrieval scratch held at the end
 * @param rowCacheHitRate share of the rows in host memory selected by the steps that were in the cache of rows; null
 *     without one
 * @param fetchedBytesPerToken bytes of such rows that a step read from host memory, mean, counted on the GPU; null
 *     without a cache of rows
 * @param logprobs how probable each token was, in the order chosen; empty if the options did not ask for it
 */
public record GenerationResult(String text, List<Integer> tokens, FinishReason finishReason,
    int promptTokens, int cachedTokens, double prefillSeconds, double decodeSeconds,
    int decodeSteps,
    double attendedTokensMean, double kvBytesPerToken, double summaryBytesPerToken, int heldTokens,
    long summaryBytes, @Nullable Double rowCacheHitRate, @Nullable Double fetchedBytesPerToken,
    List<TokenLogprobs> logprobs) {

  /** Copies the lists. */
  public GenerationResult {
    tokens = List.copyOf(tokens);
    logprobs = List.copyOf(logprobs);
  }

  /** Prompt tokens computed a second. */
  public double prefillTokensPerSecond() {
    return prefillSeconds > 0 ? (promptTokens - cachedTokens) / prefillSeconds : 0;
  }

  /** Milliseconds of a decode step, mean; 0 without steps. */
  public double decodeMillisPerToken() {
    return decodeSteps > 0 ? decodeSeconds * 1e3 / decodeSteps : 0;
  }
}

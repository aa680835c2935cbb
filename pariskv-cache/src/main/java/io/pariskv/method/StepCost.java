package io.pariskv.method;

/**
 * What one decode step of one sequence reads, in all layers together; computed, not measured.
 *
 * @param attendedTokens tokens in the softmax of one head (mean over layers)
 * @param heldTokens tokens of the sequence
 * @param kvBytes bytes of K and V read
 * @param summaryBytes bytes of summaries read
 * @param adaptiveTokens those of the attended tokens that may be fewer, since the budget adapts and only the stages know to
 *     what (mean over layers): the most there can be. 0 with any other budget; {@link MethodState#selected} counts
 */
public record StepCost(double attendedTokens, int heldTokens, long kvBytes, long summaryBytes,
    double adaptiveTokens) {

  /** Of a step whose cost is known before it runs. */
  public StepCost(double attendedTokens, int heldTokens, long kvBytes, long summaryBytes) {
    this(attendedTokens, heldTokens, kvBytes, summaryBytes, 0);
  }

  /** This with so many of the attended tokens at most. */
  StepCost adaptive(double tokens) {
    return new StepCost(attendedTokens, heldTokens, kvBytes, summaryBytes, tokens);
  }
}

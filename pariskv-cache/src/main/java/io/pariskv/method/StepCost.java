package io.pariskv.method;

/**
 * What one decode step of one sequence reads, in all layers together; computed, not measured.
 *
 * @param attendedTokens tokens in the softmax of one head (mean over layers)
 * @param heldTokens tokens of the sequence
 * @param kvBytes bytes of K and V read
 * @param summaryBytes bytes of summaries read
 */
public record StepCost(double attendedTokens, int heldTokens, long kvBytes, long summaryBytes) {
}

package io.pariskv.eval;

/**
 * What a model wrote.
 *
 * @param text without the answer prefix and the end of turn
 * @param tokens tokens of it
 * @param finished whether the model ended its turn; else it was cut at the sample's limit
 */
public record Answer(String text, int tokens, boolean finished) {
}

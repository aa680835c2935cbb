package io.pariskv.eval;

import io.pariskv.error.InputException;
import java.util.function.ToIntFunction;

/**
 * Which samples of a task are wanted.
 *
 * @param length most tokens of a sample with its answer: prompt, question and new tokens together
 * @param count how many samples
 * @param seed what makes them
 * @param tokens counts the tokens of a sample's prompt and question as the model is given them, template and
 *     all
 */
public record SampleRequest(int length, int count, long seed, ToIntFunction<Sample> tokens) {

  /** Checks the numbers. */
  public SampleRequest {
    if (length < 1 || count < 1) {
      throw new InputException("length " + length + " and samples " + count + " must be positive");
    }
  }

  /** Whether a sample fits with its answer. */
  public boolean fits(Sample sample) {
    return (long) tokens.applyAsInt(sample) + sample.maxTokens() <= length;
  }
}

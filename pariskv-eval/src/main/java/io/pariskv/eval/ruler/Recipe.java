package io.pariskv.eval.ruler;

import java.util.Random;
import java.util.function.ToIntFunction;

/**
 * How one kind of sample is made from a number of units (words, lines, documents). More units, more tokens;
 * the same random stream gives the same needles in a haystack of any size.
 */
sealed interface Recipe permits Niah, VariableTracking, CommonWords, FrequentWords, Questions {

  /** Lengths below this are not RULER's own; steps are finer for them, examples shorter. */
  int SHORT = 4096;

  /**
   * The recipe for one length and model.
   *
   * @param tokens counts the tokens of a message
   */
  default Recipe prepared(int length, Random random, ToIntFunction<String> tokens) {
    return this;
  }

  /** Most tokens of the answer. */
  int maxTokens();

  /** Fewest units at this length. */
  int smallest(int length);

  /** Most units that there are. */
  default int largest() {
    return Integer.MAX_VALUE;
  }

  /** Units that the search for the size counts as one. */
  default int step(int length) {
    return 1;
  }

  /** Units that a sample is shortened by until it fits. */
  int increment(int length);

  /** How many different samples there are. */
  default int samples() {
    return Integer.MAX_VALUE;
  }

  /** One sample. */
  Draft draft(int length, int units, int index, Random random);
}

package io.pariskv.eval;

import java.util.Map;

/**
 * What an answer is worth.
 *
 * @param score from 0 (wrong) to 1 (right)
 * @param parsed whether an answer could be made out at all; one that could not is wrong
 * @param measures what else the task counts, such as {@code hops} right before the first error
 */
public record Grade(double score, boolean parsed, Map<String, Double> measures) {

  /** Checks and copies. */
  public Grade {
    if (!(score >= 0 && score <= 1)) {
      throw new IllegalArgumentException("score " + score + " is not from 0 to 1");
    }
    measures = Map.copyOf(measures);
  }

  /** A score of an answer that could be read. */
  public static Grade of(double score) {
    return new Grade(score, true, Map.of());
  }
}

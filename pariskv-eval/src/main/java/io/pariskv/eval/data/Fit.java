package io.pariskv.eval.data;

import java.util.OptionalInt;
import java.util.function.IntUnaryOperator;

/**
 * The search for the size that fills a length. Tokens grow about linearly with size, so guesses are
 * interpolated: a handful of counts instead of the twenty of halving, and a count costs a whole encoding.
 */
public final class Fit {

  private Fit() {
  }

  /**
   * The largest size whose tokens are within a limit, if they grow with size; else one that is within it
   * beside one that is not.
   *
   * @param smallest the first size tried
   * @param largest no larger one is tried
   * @param limit most tokens
   * @param slack a size this near below the limit is good enough; 0 for the largest
   * @param tokens of a size
   * @return empty if the smallest has too many
   */
  public static OptionalInt largest(int smallest, int largest, int limit, int slack,
      IntUnaryOperator tokens) {
    int low = smallest;
    int lowTokens = tokens.applyAsInt(low);
    if (lowTokens > limit) {
      return OptionalInt.empty();
    }
    int high = low;
    int highTokens = lowTokens;
    while (highTokens <= limit) {
      low = high;
      lowTokens = highTokens;
      if (low >= largest || limit - lowTokens <= slack) {
        return OptionalInt.of(low);
      }
      high = (int) Math.min(largest, 2L * Math.max(1, low));
      highTokens = tokens.applyAsInt(high);
    }
    for (int step = 1; high - low > 1 && limit - lowTokens > slack; step++) {
      // Every third guess halves, so that a bad shape costs three times the halvings at most.
      long guess = step % 3 == 0
          ? (low + (long) high) / 2
          : low + (long) (limit - lowTokens) * (high - low) / (highTokens - lowTokens);
      int size = Math.clamp(guess, low + 1, high - 1);
      int sizeTokens = tokens.applyAsInt(size);
      if (sizeTokens <= limit) {
        low = size;
        lowTokens = sizeTokens;
      } else {
        high = size;
        highTokens = sizeTokens;
      }
    }
    return OptionalInt.of(low);
  }
}

package io.pariskv.eval.ruler;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Draws without putting back. */
final class Samples {

  private Samples() {
  }

  /** Different numbers below a bound, in the order drawn. */
  static List<Integer> of(int bound, int count, Random random) {
    if (count > bound) {
      throw new IllegalArgumentException("cannot draw " + count + " of " + bound);
    }
    Set<Integer> drawn = new LinkedHashSet<>();
    // Floyd's: one draw for each number wanted, however many there are.
    for (int last = bound - count; last < bound; last++) {
      if (!drawn.add(random.nextInt(last + 1))) {
        drawn.add(last);
      }
    }
    List<Integer> numbers = new ArrayList<>(drawn);
    Collections.shuffle(numbers, random);
    return numbers;
  }

  /** Different elements of a list, in the order drawn. */
  static <T> List<T> of(List<T> from, int count, Random random) {
    List<T> drawn = new ArrayList<>(count);
    for (int index : of(from.size(), count, random)) {
      drawn.add(from.get(index));
    }
    return drawn;
  }
}

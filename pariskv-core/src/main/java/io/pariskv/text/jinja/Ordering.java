package io.pariskv.text.jinja;

import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/** Python's {@code sorted}: stable, by {@code <} only. */
final class Ordering {
  private Ordering() {
  }

  /** Sorts in place by a key; in reverse, equal elements keep their order all the same. */
  static <T> void sort(List<T> items, Function<T, ? extends Value> key, boolean reverse,
      Budget budget) {
    Comparator<T> order = (a, b) -> {
      Value x = key.apply(a);
      Value y = key.apply(b);
      return Operators.ordered("<", x, y, budget)
          ? -1
          : Operators.ordered("<", y, x, budget) ? 1 : 0;
    };
    try {
      items.sort(reverse ? order.reversed() : order);
    } catch (IllegalArgumentException e) {
      throw new Problem(
          "the values to sort have no consistent order; remove those that are not a number (NaN)");
    }
  }
}

package io.pariskv.backend.scalar;

import java.util.Arrays;

/** The order that every selection uses: largest first, ties by lower position. */
final class Order {
  private Order() {
  }

  /**
   * The positions of {@code values} by value, largest first, ties by lower position. NaN counts as
   * negative infinity, negative zero as zero.
   */
  static int[] descending(float[] values) {
    long[] keys = new long[values.length];
    for (int i = 0; i < values.length; i++) {
      // One long that sorts by value, then by position.
      keys[i] = (long) ~ascendingBits(values[i]) << 32 | i;
    }
    Arrays.sort(keys);
    return Arrays.stream(keys).mapToInt(key -> (int) key).toArray();
  }

  /** An int that is larger for a larger float. */
  private static int ascendingBits(float value) {
    float number = Float.isNaN(value) ? Float.NEGATIVE_INFINITY : value + 0f; // -0 + 0 is 0
    int bits = Float.floatToRawIntBits(number);
    return bits < 0 ? bits ^ 0x7fffffff : bits;
  }
}

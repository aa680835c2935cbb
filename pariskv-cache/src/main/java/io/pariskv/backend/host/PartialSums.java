package io.pariskv.backend.host;

/** Sums in double as the contracts write them: vectors are added to partial sums, and these by halving. */
public final class PartialSums {
  private PartialSums() {
  }

  /** Their total, with {@code x[p] += x[p + half]}, the half of a power of two first; it replaces the first of them. */
  public static double[] total(double[][] partial) {
    for (int half = partial.length / 2; half > 0; half /= 2) {
      for (int p = 0; p < half; p++) {
        add(partial[p + half], partial[p]);
      }
    }
    return partial[0];
  }

  /** Adds {@code more} to {@code sum}. */
  static void add(double[] more, double[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += more[i];
    }
  }
}

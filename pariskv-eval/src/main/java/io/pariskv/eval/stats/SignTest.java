package io.pariskv.eval.stats;

/** Whether one of two methods wins more often than by chance, over the same samples. */
public final class SignTest {
  private SignTest() {
  }

  /**
   * The two-sided p that of {@code first + second} samples which are not tied so many or more go to one of the two, if each is as
   * likely to; 1 without samples.
   *
   * @throws IllegalArgumentException if a number is negative
   */
  public static double p(int first, int second) {
    if (first < 0 || second < 0) {
      throw new IllegalArgumentException(
          "wins " + first + " and " + second + " must not be negative");
    }
    int n = first + second;
    double logarithm = -n * Math.log(2); // of n over i, by the number of ways there are
    double tail = 0;
    for (int i = 0; i <= Math.min(first, second); i++) {
      tail += Math.exp(logarithm);
      logarithm += Math.log(n - i) - Math.log(i + 1);
    }
    return Math.min(1, 2 * tail);
  }
}

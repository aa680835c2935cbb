package io.pariskv.eval.stats;

import java.util.Arrays;
import java.util.Random;

/**
 * A mean and its 95% confidence interval.
 *
 * @param mean of the samples
 * @param low lower end
 * @param high upper end
 * @param method how it was computed: {@code Wilson}, {@code bootstrap}, {@code t}
 * @param samples how many
 */
public record Interval(double mean, double low, double high, String method, int samples) {
  private static final double Z = 1.959963984540054;
  private static final int RESAMPLES = 2_000;
  private static final long SEED = 1;

  /** Quantile 0.975 of Student's t for 1 to 30 degrees of freedom. */
  private static final double[] T = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646,
      2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009,
      2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452,
      2.0423};

  /**
   * Of scores from 0 to 1: Wilson's score interval if each is 0 or 1, or if all are equal, else the percentile
   * bootstrap. Resamples of equal scores are all the same, which would say that nothing is uncertain; no score from 0 to
   * 1 varies more than one that is 0 or 1, so Wilson's interval of that mean is wide enough.
   *
   * @param scores at least one
   */
  public static Interval ofScores(double[] scores) {
    boolean binary = Arrays.stream(scores).allMatch(score -> score == 0 || score == 1);
    boolean equal = Arrays.stream(scores).allMatch(score -> score == scores[0]);
    return binary || equal ? wilson(Arrays.stream(scores).sum(), scores.length) : bootstrap(scores);
  }

  /** Of {@code right} right answers, or parts of them together, among {@code samples}, at least one. */
  public static Interval wilson(double right, int samples) {
    double n = samples;
    double share = right / n;
    double z2 = Z * Z;
    double centre = (share + z2 / (2 * n)) / (1 + z2 / n);
    double half = Z / (1 + z2 / n) * Math.sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    return new Interval(share, right == 0 ? 0 : centre - half,
        right == samples ? 1 : centre + half, "Wilson", samples);
  }

  /** The percentile bootstrap with 2,000 resamples and a fixed seed. */
  public static Interval bootstrap(double[] values) {
    Random random = new Random(SEED);
    double[] means = new double[RESAMPLES];
    for (int i = 0; i < RESAMPLES; i++) {
      double sum = 0;
      for (int j = 0; j < values.length; j++) {
        sum += values[random.nextInt(values.length)];
      }
      means[i] = sum / values.length;
    }
    Arrays.sort(means);
    return new Interval(mean(values), means[(int) (0.025 * RESAMPLES)],
        means[(int) (0.975 * RESAMPLES) - 1], "bootstrap", values.length);
  }

  /** Student's t interval, for values that are about normal; without ends if there is one value. */
  public static Interval student(double[] values) {
    double mean = mean(values);
    int n = values.length;
    double squares = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
    double half = n < 2
        ? Double.POSITIVE_INFINITY
        : quantile(n - 1) * Math.sqrt(squares / (n - 1) / n);
    return new Interval(mean, mean - half, mean + half, "t", n);
  }

  /** Beyond the table the first terms of the expansion in the inverse of the degrees of freedom. */
  static double quantile(int freedom) {
    return freedom <= T.length
        ? T[freedom - 1]
        : Z + (Math.pow(Z, 3) + Z) / (4.0 * freedom)
            + (5 * Math.pow(Z, 5) + 16 * Math.pow(Z, 3) + 3 * Z) / (96.0 * freedom * freedom);
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElseThrow(
        () -> new IllegalArgumentException("an interval of no values; at least 1 is needed"));
  }
}

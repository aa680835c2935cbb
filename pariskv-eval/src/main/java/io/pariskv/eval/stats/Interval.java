package io.pariskv.eval.stats;

import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A mean and its 95% confidence interval.
 *
 * @param mean of the samples
 * @param low lower end
 * @param high upper end
 * @param method how it was computed: {@code Wilson}, {@code bootstrap}, {@code t}; {@code equal} where all
 *     of several values are equal, which has no width and says nothing about others
 * @param samples how many
 */
public record Interval(double mean, double low, double high, String method, int samples) {
  private static final String EQUAL = "equal";
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
    return wilson(right / samples, samples, samples);
  }

  private static Interval wilson(double share, double n, int samples) {
    double z2 = Z * Z;
    double centre = (share + z2 / (2 * n)) / (1 + z2 / n);
    double half = Z / (1 + z2 / n) * Math.sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    return new Interval(share, share == 0 ? 0 : centre - half, share == 1 ? 1 : centre + half,
        "Wilson", samples);
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

  /**
   * Student's t interval, for values that are about normal; without ends (infinite ones) if there is one value. Where all are
   * equal it has no width, and {@link #allEqual} says so.
   */
  public static Interval student(double[] values) {
    double mean = mean(values);
    int n = values.length;
    if (n > 1 && Arrays.stream(values).allMatch(value -> value == values[0])) {
      return new Interval(values[0], values[0], values[0], EQUAL, n);
    }
    double half = n < 2
        ? Double.POSITIVE_INFINITY
        : quantile(n - 1) * Math.sqrt(squares(values) / (n - 1) / n);
    return new Interval(mean, mean - half, mean + half, "t", n);
  }

  /**
   * Of the mean of several tasks' mean scores, each of samples of its own: Wilson's interval of as many samples as would vary as
   * much (Korn and Graubard 1998). They are the more the further the tasks are apart, since each has its share of the mean for
   * certain; but no fewer than there are, so that scores which hardly differ do not make the mean certain.
   *
   * @param tasks the scores from 0 to 1 of each, at least one of at least one
   */
  public static Interval ofTasks(List<double[]> tasks) {
    int count = tasks.size();
    double mean = tasks.stream().mapToDouble(Interval::mean).sum() / count;
    double held = 0; // of the mean's variance, times the square of the tasks
    double freedom = 0;
    double inverse = 0;
    for (double[] scores : tasks) {
      int n = scores.length;
      double variance = n > 1 ? squares(scores) / (n - 1) / n : 0.25; // no score varies more
      held += variance;
      freedom += n > 1 ? variance * variance / (n - 1) : 0;
      inverse += 1.0 / n;
    }
    double there = count * count / inverse;
    double alike = 0;
    if (held > 0) {
      double t = freedom == 0
          ? Z
          : quantile((int) Math.clamp(held * held / freedom, 1, Integer.MAX_VALUE));
      alike = mean * (1 - mean) / held * count * count * (Z / t) * (Z / t);
    }
    return wilson(mean, Math.max(there, alike),
        tasks.stream().mapToInt(scores -> scores.length).sum());
  }

  /** Cut to what the mean can be, such as a count, which is not below 0; without ends it stays without. */
  public Interval within(double least, double most) {
    return hasEnds()
        ? new Interval(mean, Math.max(low, Math.min(least, mean)),
            Math.min(high, Math.max(most, mean)), method, samples)
        : this;
  }

  /** Whether there are ends: of one value nothing is known about others. */
  public boolean hasEnds() {
    return Double.isFinite(high - low);
  }

  /** Whether there are several values, all the same, so that a width cannot be told from them. */
  public boolean allEqual() {
    return method.equals(EQUAL);
  }

  /** Beyond the table the first terms of the expansion in the inverse of the degrees of freedom. */
  static double quantile(int freedom) {
    return freedom <= T.length
        ? T[freedom - 1]
        : Z + (Math.pow(Z, 3) + Z) / (4.0 * freedom)
            + (5 * Math.pow(Z, 5) + 16 * Math.pow(Z, 3) + 3 * Z) / (96.0 * freedom * freedom);
  }

  /** Of the distances from the mean. */
  private static double squares(double[] values) {
    double mean = mean(values);
    return Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElseThrow(
        () -> new IllegalArgumentException("an interval of no values; at least 1 is needed"));
  }
}

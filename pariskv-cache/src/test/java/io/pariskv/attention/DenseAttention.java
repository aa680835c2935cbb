package io.pariskv.attention;

import io.pariskv.testing.Fixture;
import io.pariskv.testing.Size;
import java.util.Arrays;

/** The definition of attention over listed positions, in double, and how exact a backend must be. */
final class DenseAttention {
  /** The agreement that the contracts promise, as a share of the values' scale. */
  private static final double AGREEMENT = 2e-5;

  private final Fixture fixture;
  private final int headDim;
  private final double weightError;

  /** The outputs, one query head after the other. */
  final double[] out;
  private final double[] tolerance;

  DenseAttention(Fixture fixture, Size size, int rows) {
    this(fixture, size, rows, 0);
  }

  /**
   * For a backend that rounds weights.
   *
   * @param weightError how far, relative to a weight
   */
  DenseAttention(Fixture fixture, Size size, int rows, double weightError) {
    this.fixture = fixture;
    this.headDim = size.headDim();
    this.weightError = weightError;
    this.out = new double[rows * size.heads() * headDim];
    this.tolerance = new double[out.length];
  }

  /** The {@code head}-th query head of all rows attends {@code positions}. */
  void attend(int head, float[] q, int row, int kvHead, int[] positions) {
    attend(head, q, row, kvHead, positions, new double[positions.length]);
  }

  /** The same with {@code added} added to the scores. */
  void attend(int head, float[] q, int row, int kvHead, int[] positions, double[] added) {
    double[] scores = added.clone();
    double largest = 0; // what the rounding errors of a score are relative to
    double scale = 0;
    for (int i = 0; i < positions.length; i++) {
      float[] key = fixture.key(row, kvHead, positions[i]);
      double absolute = 0;
      for (int j = 0; j < headDim; j++) {
        double product = (double) q[head * headDim + j] * key[j] / Math.sqrt(headDim);
        scores[i] += product;
        absolute += Math.abs(product);
      }
      largest = Math.max(largest, absolute);
    }
    double max = Arrays.stream(scores).max().orElseThrow();
    double total = Arrays.stream(scores).map(score -> Math.exp(score - max)).sum();
    double[] error = new double[headDim];
    for (int i = 0; i < positions.length; i++) {
      double weight = Math.exp(scores[i] - max) / total;
      float[] value = fixture.value(row, kvHead, positions[i]);
      for (int j = 0; j < headDim; j++) {
        out[head * headDim + j] += weight * value[j];
        error[j] += weightError * weight * Math.abs(value[j]);
        scale = Math.max(scale, Math.abs(value[j]));
      }
    }
    for (int j = 0; j < headDim; j++) {
      tolerance[head * headDim + j] = scale * Math.max(AGREEMENT, 1e-6 * largest) + error[j];
    }
  }

  /** How far element {@code i} may be off. */
  double tolerance(int i) {
    return tolerance[i];
  }
}

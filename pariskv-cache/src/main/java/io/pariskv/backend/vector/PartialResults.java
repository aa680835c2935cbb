package io.pariskv.backend.vector;

import io.pariskv.kv.KvShape;
import java.util.Arrays;

/**
 * What {@link PartialAttention} gives: for each query head of a group the weighted sum of values padded
 * to whole panels, {@code [groupSize][width]}, then the largest scores, then the sums of weights.
 */
final class PartialResults {
  private PartialResults() {
  }

  /** Numbers of a head's sum. */
  static int width(KvShape shape) {
    return MicroKernel.panels(shape.headDim()) * MicroKernel.WIDTH;
  }

  /** Numbers of one partial result. */
  static int size(KvShape shape) {
    return shape.groupSize() * (width(shape) + 2);
  }

  /**
   * Merges the {@code count} partial results from {@code at} into {@code [groupSize][headDim] f32} at
   * address {@code out}: each is weighted by what its maximum lacks to the largest (log-sum-exp).
   */
  static void merge(KvShape shape, float[] partials, int at, int count, long out) {
    int heads = shape.groupSize();
    int width = width(shape);
    int size = size(shape);
    float[] sums = new float[width];
    for (int g = 0; g < heads; g++) {
      int maxAt = at + heads * width + g;
      float max = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < count; i++) {
        max = Math.max(max, partials[maxAt + i * size]);
      }
      double total = 0;
      Arrays.fill(sums, 0);
      for (int i = 0; i < count; i++) {
        double weight = Math.exp((double) partials[maxAt + i * size] - max);
        total += weight * partials[maxAt + heads + i * size];
        Floats.addScaled(sums, 0, (float) weight, partials, at + i * size + g * width, width);
      }
      Floats.write(sums, 0, (float) (1 / total), out + 4L * g * shape.headDim(), shape.headDim());
    }
  }
}

package io.pariskv.backend.vector;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Softmax of scores that come block by block (Milakov and Gimelshein 2018): for each query the largest
 * score so far and the sum of the weights relative to it. When a block raises the maximum, what was
 * summed before is scaled down.
 */
final class OnlineSoftmax {
  private static final int LANES = Species.FLOATS.length();

  /** For each query the largest score. */
  final float[] max;

  /** For each query the sum of {@code e^(score - max)}. */
  final float[] sum;

  OnlineSoftmax(int queries) {
    max = new float[queries];
    sum = new float[queries];
  }

  /** Begins anew. */
  void clear() {
    Arrays.fill(max, Float.NEGATIVE_INFINITY);
    Arrays.fill(sum, 0);
  }

  /**
   * Replaces a block of scores by weights relative to the new maximum; those outside {@code [from, to)}
   * become zero.
   *
   * @param count numbers of the block, whole vectors
   * @return what the weighted sum so far has to be multiplied with
   */
  float weigh(float[] scores, int at, int from, int to, int count, int query) {
    if (from >= to) {
      Arrays.fill(scores, at, at + count, 0);
      return 1;
    }
    Arrays.fill(scores, at, at + from, Float.NEGATIVE_INFINITY);
    Arrays.fill(scores, at + to, at + count, Float.NEGATIVE_INFINITY);
    float before = max[query];
    float now = Math.max(before, largest(scores, at, count));
    if (now == Float.NEGATIVE_INFINITY) {
      Arrays.fill(scores, at, at + count, 0); // nothing but infinitely small scores so far
      return 1;
    }
    float factor = now == before ? 1 : (float) Math.exp(before - now);
    max[query] = now;
    sum[query] = sum[query] * factor + exponentials(scores, at, count, now);
    return factor;
  }

  private static float largest(float[] scores, int at, int count) {
    FloatVector largest = FloatVector.fromArray(Species.FLOATS, scores, at);
    for (int i = LANES; i < count; i += LANES) {
      largest = largest.max(FloatVector.fromArray(Species.FLOATS, scores, at + i));
    }
    return largest.reduceLanes(VectorOperators.MAX);
  }

  /** {@code scores = e^(scores - max)}; their sum. */
  private static float exponentials(float[] scores, int at, int count, float max) {
    FloatVector sum = FloatVector.zero(Species.FLOATS);
    for (int i = 0; i < count; i += LANES) {
      FloatVector weight = Exp.exp(FloatVector.fromArray(Species.FLOATS, scores, at + i).sub(max));
      weight.intoArray(scores, at + i);
      sum = sum.add(weight);
    }
    return sum.reduceLanes(VectorOperators.ADD);
  }

  /** {@code sums *= factor}, {@code count} numbers, whole vectors. */
  static void rescale(float[] sums, int at, float factor, int count) {
    if (factor == 1) {
      return; // nearly always: the maximum seldom rises
    }
    for (int i = 0; i < count; i += LANES) {
      FloatVector.fromArray(Species.FLOATS, sums, at + i).mul(factor).intoArray(sums, at + i);
    }
  }
}

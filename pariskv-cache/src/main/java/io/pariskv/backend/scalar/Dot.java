package io.pariskv.backend.scalar;

import io.pariskv.kv.KvShape;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.KeyScores;

/** Inner products in the order that {@link KeyScores} fixes, and the queries that they are of. */
final class Dot {
  private Dot() {
  }

  /** {@code sum of q[fromQ + i] * k[i]}. */
  static float of(float[] q, int fromQ, float[] k) {
    float[] sums = new float[KeyScores.SUMS];
    for (int i = 0; i < k.length; i++) {
      sums[i % sums.length] = Math.fma(q[fromQ + i], k[i], sums[i % sums.length]);
    }
    for (int half = sums.length / 2; half > 0; half /= 2) {
      for (int j = 0; j < half; j++) {
        sums[j] += sums[j + half];
      }
    }
    return sums[0];
  }

  /** {@code q}, {@code [rows][heads][headDim]}; or the mean of each group, {@code [rows][kvHeads][headDim]}. */
  static float[] queries(KvShape shape, float[] q, Grouping grouping) {
    if (grouping == Grouping.PER_HEAD) {
      return q;
    }
    int headDim = shape.headDim();
    int group = shape.groupSize();
    float[] means = new float[q.length / group];
    for (int i = 0; i < means.length; i++) {
      int first = i / headDim * group * headDim + i % headDim;
      means[i] = q[first];
      for (int head = 1; head < group; head++) {
        means[i] += q[first + head * headDim];
      }
      means[i] /= group;
    }
    return means;
  }
}

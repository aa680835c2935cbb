package io.pariskv.backend.scalar;

/** Attention of one query head over rows of keys and values, in double. */
final class Softmax {
  private Softmax() {
  }

  /**
   * The weighted sum of values, weights {@code softmax(q.k / sqrt(headDim))}.
   *
   * @param q query at {@code q[fromQ .. fromQ + headDim)}
   * @param keys {@code [tokens][headDim]}
   * @param values {@code [tokens][headDim]}
   * @param from first token attended
   * @param to end of the tokens attended, exclusive; above {@code from}
   */
  static double[] attend(float[] q, int fromQ, float[] keys, float[] values, int headDim, int from,
      int to) {
    return attend(q, fromQ, keys, values, headDim, from, new double[to - from]);
  }

  /**
   * The same for all tokens with weights {@code softmax(q.k / sqrt(headDim) + added)}.
   *
   * @param added {@code [tokens]}, not all negative infinity
   */
  static double[] attend(float[] q, int fromQ, float[] keys, float[] values, int headDim,
      double[] added) {
    return attend(q, fromQ, keys, values, headDim, 0, added);
  }

  private static double[] attend(float[] q, int fromQ, float[] keys, float[] values, int headDim,
      int from, double[] added) {
    int to = from + added.length;
    double[] weights = new double[added.length];
    double max = Double.NEGATIVE_INFINITY;
    for (int t = from; t < to; t++) {
      double score = Elements.dot(q, fromQ, keys, t * headDim, headDim) / Math.sqrt(headDim)
          + added[t - from];
      weights[t - from] = score;
      max = Math.max(max, score);
    }
    double total = 0;
    double[] out = new double[headDim];
    for (int t = from; t < to; t++) {
      double weight = Math.exp(weights[t - from] - max);
      total += weight;
      for (int i = 0; i < headDim; i++) {
        out[i] += weight * values[t * headDim + i];
      }
    }
    for (int i = 0; i < headDim; i++) {
      out[i] /= total;
    }
    return out;
  }
}

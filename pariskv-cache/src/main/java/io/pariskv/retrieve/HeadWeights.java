package io.pariskv.retrieve;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;

/**
 * Scores of a group's heads as one score a key: the attention weights that the heads would give it in the
 * retrieval zone, added up.
 *
 * <p>The {@code k} best by this sum are the {@code k} keys that leave the heads together the most attention. With
 * {@code s} the scores of one head, {@code m} the largest of them, NaN left out, and {@code c = (float) (log2(e) /
 * sqrt(headDim))}, all in float:
 *
 * <pre>
 * e_i = {@link #power}((s_i - m) * c)
 * S   = sum over the keys of (long) (e_i * 2^30)     a whole number, which no order changes
 * w_i = S &gt; 0 ? e_i / ((float) S * 2^-30) : 0
 * </pre>
 *
 * <p>A score is the sum of {@code w_i} of the group's heads in order, starting from the first. Exact: all backends give
 * equal bits.
 */
public interface HeadWeights {
  /**
   * @param kv its zones say how many keys there are
   * @param scores {@code [rows][heads][capacity] f32} such as {@link KeyScores} gives
   * @param combined out, {@code [rows][kvHeads][capacity] f32}
   */
  void combine(KvStore kv, Batch batch, Buffer scores, Buffer combined);

  /** {@code c} of the contract. */
  static float toOctaves(int headDim) {
    return (float) (1 / (Math.log(2) * Math.sqrt(headDim)));
  }

  /** Taylor coefficients of {@code 2^x}, the highest first; off by 2e-8 in {@code [-0.5, 0.5]}. */
  static float[] coefficients() {
    float[] coefficients = new float[7];
    double term = 1;
    for (int k = 0; k < coefficients.length; k++) {
      coefficients[coefficients.length - 1 - k] = (float) term;
      term *= Math.log(2) / (k + 1);
    }
    return coefficients;
  }

  /**
   * {@code 2^x} for {@code x} up to 0, and 0 below -120 and of NaN: with {@code n} the whole number nearest to {@code
   * x}, found by adding 1.5 * 2^23 and taking it away again, the polynomial in {@code x - n} by fused
   * multiply-adds, times {@code 2^n}.
   *
   * @param coefficients {@link #coefficients}
   */
  static float power(float x, float[] coefficients) {
    if (!(x >= -120)) {
      return 0;
    }
    float n = (x + 0x1.8p23f) - 0x1.8p23f;
    float f = x - n;
    float p = coefficients[0];
    for (int i = 1; i < coefficients.length; i++) {
      p = Math.fma(p, f, coefficients[i]);
    }
    return p * Float.intBitsToFloat((127 + (int) n) << 23);
  }
}

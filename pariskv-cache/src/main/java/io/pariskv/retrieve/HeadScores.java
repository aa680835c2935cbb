package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * The estimates of a group's heads as one score a candidate, for {@link Grouping#PER_HEAD}: the attention weights
 * that the heads would give it among the candidates, added up.
 *
 * <p>Powers of two are straight lines between whole exponents, so that weights are made of shifts. With {@code e} the
 * estimates of one head, {@code m} the largest of them, NaN left out, and {@code c = (float) (log2(e) / sqrt(headDim))}:
 *
 * <pre>
 * z_i = (e_i - m) * c                                              in float, at most 0
 * u_i = z_i &gt; -126 ? (int) (z_i * 2^23) : -126 * 2^23             cut off towards zero; the latter if z_i is NaN
 * S   = sum over candidates of (2^23 | u_i &amp; (2^23 - 1)) &gt;&gt; min(31, -(u_i &gt;&gt; 23))       a whole number
 * s   = bits((float) S) - 150 * 2^23                               its logarithm, in 2^-23
 * w_i = S &gt; 0 ? the float with bits max(0, 127 * 2^23 + u_i - s) : 0
 * </pre>
 *
 * <p>A score is the sum of {@code w_i} of all heads, in float in the order of the heads. Exact.
 */
public interface HeadScores {
  /**
   * @param index budgets: {@code min(candidates, keys)} scores are combined
   * @param scores {@code [group][rows][kvHeads][candidateCapacity] f32} from {@link Rerank}
   * @param combined out, {@code [rows][kvHeads][candidateCapacity] f32}
   */
  void combine(KeyIndex index, Batch batch, Buffer scores, Buffer combined);

  /** {@code c} of the contract. */
  static float toOctaves(int headDim) {
    return (float) (1 / (Math.log(2) * Math.sqrt(headDim)));
  }
}

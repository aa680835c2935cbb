package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * The estimates of a group's heads as one score a candidate, for {@link Grouping#PER_HEAD}: the attention weights
 * that the heads would give it among the candidates, added up. Or those of one head, the mean query, as weights.
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
   * @param scores {@code [group or 1][rows][kvHeads][candidateCapacity] f32} from {@link Rerank}
   * @param combined out, {@code [rows][kvHeads][candidateCapacity] f32}; of one head it may be the same memory
   */
  void combine(KeyIndex index, Batch batch, Buffer scores, Buffer combined);

  /**
   * The heads that {@code scores} are of, after a check of its shape.
   *
   * @throws IllegalArgumentException if that is not the group's, or one; or for another shape than {@code combined} has
   */
  static int heads(KeyIndex index, Batch batch, Buffer scores, long capacity) {
    int group = index.shape().groupSize();
    int heads = scores.shape().rank() == 4 && scores.shape().axis(0) == 1 ? 1 : group;
    scores.require("scores of heads", DType.F32, heads, batch.rows(), index.shape().kvHeads(),
        capacity);
    return heads;
  }

  /** {@code c} of the contract. */
  static float toOctaves(int headDim) {
    return (float) (1 / (Math.log(2) * Math.sqrt(headDim)));
  }
}

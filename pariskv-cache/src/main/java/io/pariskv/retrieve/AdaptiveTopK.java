package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;

/**
 * Selects the candidates with the best weights, as {@link TopK} does, but no more than are needed for a share of what all
 * candidates contribute, and at most {@code k}; positions come out ascending. What a candidate contributes is estimated as
 * its weight times the norm of its value.
 *
 * <p>With weights {@code w_i}, one that is negative or NaN counting as 0, and norms {@code n_i} of the candidates, in float
 * without contraction, {@code share} in 65,536ths:
 *
 * <pre>
 * b_i    = min(w_i * n_i, the largest float)
 * m      = max b_i
 * f_i    = (long) ((b_i / m) * 2^40)                       cut off towards zero
 * total  = sum of f_i
 * enough = total - (total &gt;&gt; 16) * (65536 - share)
 * c      = the largest w_i such that the f of all candidates of this weight or a larger one add up to enough
 * </pre>
 *
 * <p>As many are selected as have weights of {@code c} or more, but at most {@code min(k, candidates, keys)}: those with
 * the best weights, ties by lower position. If {@code m} is 0, nothing is known of what they contribute, and it is {@code
 * min(k, candidates, keys)}. Sums are of whole numbers, so no order changes them: exact, all backends select equally.
 */
public interface AdaptiveTopK {
  /**
   * @param index budgets: at most {@code min(k, candidates, keys)} positions are selected
   * @param candidates {@code [rows][kvHeads][candidateCapacity] i32}, ascending
   * @param weights {@code [rows][kvHeads][candidateCapacity] f32} from {@link HeadScores}, finite; not defined afterwards
   * @param norms from {@link io.pariskv.index.ValueNorms}
   * @param share of the contributions, in 65,536ths, see {@link #inParts}
   * @param selection out
   * @param totals {@code [slots][2] i64}: in stream order, {@code totals[slot][0]} grows by the keys selected and {@code
   *     totals[slot][1]} by the KV heads that had candidates to select from and {@code k} above 0
   */
  void select(KeyIndex index, int layer, Batch batch, Buffer candidates, Buffer weights,
      ZoneTable norms, int share, Selection selection, Buffer totals);

  /** {@code share}, above 0 to 1, in 65,536ths, cut off; at least one of them. */
  static int inParts(double share) {
    return Math.clamp((long) (share * 65_536), 1, 65_536);
  }

  /** Checks {@code share}. */
  static void requireShare(int share) {
    if (share < 1 || share > 65_536) {
      throw new IllegalArgumentException("share " + share + " must be from 1 to 65536");
    }
  }
}

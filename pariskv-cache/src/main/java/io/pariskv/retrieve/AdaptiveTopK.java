package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;

/**
 * Selects as many candidates as are needed for a share of what all of them contribute, the best first, but at most
 * {@code k}; positions come out ascending. What a candidate contributes is estimated as its weight times the norm of its
 * value.
 *
 * <p>With weights {@code w_i} and norms {@code n_i} of the candidates, in float without contraction, {@code share} in
 * 65,536ths:
 *
 * <pre>
 * b_i    = w_i &gt; 0 ? min(w_i * n_i, the largest float) : 0
 * m      = max b_i
 * f_i    = (long) ((b_i / m) * 2^40)                       cut off towards zero
 * total  = sum of f_i
 * enough = total - (total &gt;&gt; 16) * (65536 - share)
 * </pre>
 *
 * <p>Candidates are taken in the order of descending {@code b}, ties by lower position, until their {@code f} add up to
 * {@code enough} or there are {@code min(k, candidates, keys)} of them. If {@code m} is 0, nothing tells them apart, and
 * that many are taken. Sums are of whole numbers, so no order changes them: exact, all backends select equally.
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

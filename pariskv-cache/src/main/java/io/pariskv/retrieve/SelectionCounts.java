package io.pariskv.retrieve;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.DType;

/**
 * Counts where in the context the keys lie that a layer of a decode step selected: for people who want to see what a method
 * does. The counts stay where the stages run, so a recorded step counts without the host.
 *
 * <p>The selected zone position {@code z} of a row's sequence is position {@code p = sink end + z} of its context, in bin {@code
 * min(p / width, BINS - 1)}. For each head and each of its keys that bin grows by 1, in the sums and in the row of the
 * step. Whole numbers: exact, in any order.
 */
public interface SelectionCounts {
  /**
   * @param kv its zones say where the retrieval zones begin
   * @param batch one row a sequence, each of another slot; positions are those of the step's tokens
   * @param selection of one layer, for KV heads or query heads
   * @param first whether the layer is the first of its step that selects: the row of the step after it is then set to zero
   * @param bins in and out
   */
  void add(KvStore kv, Batch batch, Selection selection, boolean first, ContextBins bins);

  /**
   * Checks the arguments' shapes.
   *
   * @throws IllegalArgumentException if they do not fit; the message names both
   */
  static void require(KvStore kv, Batch batch, Selection selection, ContextBins bins) {
    selection.positions().require("selection", DType.I32, batch.rows(), selection.heads(),
        selection.capacity());
    bins.requireSlotsOf(kv);
  }
}

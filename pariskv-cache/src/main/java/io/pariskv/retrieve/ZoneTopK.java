package io.pariskv.retrieve;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * Selects keys of the retrieval zone by scores of all of them, or of pages of {@code unit} neighbouring keys: the
 * {@code most} items with the best scores, ties by lower position, and of each item all its keys. Positions come out
 * ascending. A NaN score counts as negative infinity, negative zero as zero. Exact.
 */
public interface ZoneTopK {
  /**
   * @param kv its zones say how many keys there are
   * @param scores {@code [rows][heads][capacity] f32}, heads being KV heads or query heads
   * @param unit keys of an item; the last one of a zone may have fewer
   * @param most items selected, all if there are not so many
   * @param selection out, for the same heads, with room for {@code most} items or as many as there are scores
   */
  void select(KvStore kv, Batch batch, Buffer scores, int unit, int most, Selection selection);

  /**
   * The same where every slot has a number of its own.
   *
   * @param most {@code [slots] i32}, items selected of each slot's zone, at least 0; not more than there is room for
   */
  void select(KvStore kv, Batch batch, Buffer scores, int unit, Buffer most, Selection selection);

  /**
   * Checks the arguments' shapes.
   *
   * @throws IllegalArgumentException if they do not fit; the message names both
   */
  static void require(Batch batch, Buffer scores, int unit, int most, Selection selection) {
    if (unit < 1 || most < 0) {
      throw new IllegalArgumentException(
          most + " items of " + unit + " keys; at least 0 of at least 1 needed");
    }
    long heads = selection.heads();
    scores.requireAtLeast("scores", DType.F32, batch.rows(), heads, 0);
    selection.positions().requireAtLeast("selection", DType.I32, batch.rows(), heads,
        Math.min(most, scores.shape().axis(2)) * unit);
  }
}

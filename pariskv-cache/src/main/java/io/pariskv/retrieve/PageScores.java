package io.pariskv.retrieve;

import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;

/**
 * For every page of the retrieval zone a bound that no {@code q.k} of its keys is above: the sum over coordinates of
 * {@code max(q_i * smallest_i, q_i * largest_i)}. Quest (arXiv 2406.10774), section 3.3.
 *
 * <p>{@link Grouping#PER_HEAD}: one bound a query head, as in the released evaluation. {@link Grouping#MEAN}: one a KV head,
 * the bounds of its group's heads added in order, starting from the first; so other papers compare with it.
 *
 * <p>A bound is an inner product as {@link KeyScores} adds it, of {@code q_i} and {@code q_i >= 0 ? largest_i : smallest_i}.
 * In that order every sum is at least that of each key, also rounded. Exact: all backends give equal bits.
 */
public interface PageScores {
  /**
   * @param kv its zones say how many keys there are
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param bounds of {@link io.pariskv.index.PageBounds}
   * @param scores out, {@code [rows][kvHeads or heads][capacity] f32}; beyond the number of pages undefined
   */
  void score(KvStore kv, int layer, Batch batch, Buffer q, ZoneTable bounds, Grouping grouping,
      Buffer scores);
}

package io.pariskv.retrieve;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;

/**
 * The true score {@code q.k} of every key of the retrieval zone. Reads every key, from host memory if they are
 * there: what any index is measured against.
 *
 * <p>{@link Grouping#MEAN}: one score a KV head, of its group's mean query: the heads added in order, starting from
 * the first, and divided by their number. {@link Grouping#PER_HEAD}: one score a query head.
 *
 * <p>An inner product is 16 sums: sum {@code j} starts at 0 and takes a fused multiply-add of coordinates {@code j, j +
 * 16, j + 32, ...} as far as there are any, in order; then they are added by halving: {@code x[j] += x[j + 8]}, then 4, 2
 * and 1. Exact: all backends give equal bits.
 */
public interface KeyScores {
  /** Sums of an inner product. */
  int SUMS = 16;

  /**
   * @param kv the keys; its zones say which
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param scores out, {@code [rows][kvHeads or heads][capacity] f32}; beyond the number of keys undefined
   */
  void score(KvStore kv, int layer, Batch batch, Buffer q, Grouping grouping, Buffer scores);
}

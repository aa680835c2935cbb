package io.pariskv.attention;

import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;

/**
 * Causal attention of a chunk of one sequence's prompt: row {@code i} attends every position up to its
 * own, {@code start + i}; in a layer with a sliding window only the last {@code window} of them.
 *
 * <p>Scores are {@code q.k / sqrt(headDim)}; K and V are taken as stored; products and sums in f32 or
 * better. Backends agree as in {@link DecodeAttention}. Cost {@code rows * (start + rows) * heads *
 * headDim * 4} operations, blocked so that K and V are read once a block of rows (online softmax:
 * Milakov and Gimelshein 2018; Dao et al. 2022).
 */
public interface PrefillAttention {
  /**
   * @param kv holds K and V of positions 0 to {@code start + rows - 1}, the chunk's own included
   * @param slot the sequence
   * @param start position of the first row
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param out {@code [rows][heads][headDim] f32}
   */
  void attend(KvStore kv, int layer, int slot, int start, Buffer q, Buffer out);
}

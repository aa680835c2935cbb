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
 *
 * <p>A backend whose matrix units take bf16 may, where K and V are bf16, round what it multiplies with them to
 * bf16 as well (nearest, ties to even): the queries as the f32 products {@code q_i * s}, {@code s} being the
 * float nearest to {@code log2(e) / sqrt(headDim)}, and the weights {@code w_t} before they are normalised.
 * Rounding is relative and at most 2<sup>-8</sup>, so against the attention of the rounded queries {@code
 * sum_t w_t |v_t| / 256} is added to what backends may differ; and rounding the queries moves a score by at
 * most {@code sum_i |q_i k_i| / sqrt(headDim) / 256}, usually by a tenth of that. The CUDA backend does so
 * where the head size is a power of two from 16 to 256; the CPU backends never do.
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

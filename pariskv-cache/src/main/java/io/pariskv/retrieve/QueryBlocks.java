package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * The query of each KV head: the mean of its group's query heads, rotated like the keys and scaled by
 * {@code 1/sqrt(d)}.
 *
 * <p>The mean adds the heads in order, starting from the first, and divides by their number; the
 * rotation is {@link io.pariskv.index.HadamardRotation}; the scale is one multiplication by {@link
 * io.pariskv.index.HadamardRotation#scale}. Exact: all backends give equal bits. The query is not
 * normalised: neither the order of centroids nor that of estimates depends on its length.
 */
public interface QueryBlocks {
  /**
   * @param index gives the geometry
   * @param batch the sequences
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param blocks out, {@code [rows][kvHeads][headDim] f32}
   */
  void rotate(KeyIndex index, Batch batch, Buffer q, Buffer blocks);
}

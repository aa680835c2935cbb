package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * The queries of all heads, for {@link Grouping#PER_HEAD}: each rotated like the keys and scaled by {@code
 * 1/sqrt(d)}, as {@link QueryBlocks} does with the mean of a group. Exact.
 */
public interface HeadBlocks {
  /**
   * @param index gives the geometry
   * @param batch the sequences
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param blocks out, {@code [group][rows][kvHeads][headDim] f32}: first the first head of every group
   */
  void rotate(KeyIndex index, Batch batch, Buffer q, Buffer blocks);
}

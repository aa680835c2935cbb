package io.pariskv.kv;

import io.pariskv.memory.Buffer;

/** Writes new rows of K and V into a {@link KvStore}, rounding to its type (nearest, ties to even). */
public interface KvAppend {
  /**
   * Writes row {@code r} at {@code (slots[r], positions[r])}.
   *
   * @param kv where to; room must be reserved
   * @param layer which layer
   * @param batch slot and position of each row
   * @param k {@code [rows][kvHeads][headDim] f32}, after RoPE
   * @param v {@code [rows][kvHeads][headDim] f32}
   */
  void append(KvStore kv, int layer, Batch batch, Buffer k, Buffer v);
}

package io.pariskv.kv;

import io.pariskv.memory.Buffer;

/** Writes new rows of K and V into a {@link KvStore}, rounding to its type (nearest, ties to even). */
public interface KvAppend {
  /**
   * Writes row {@code r} at {@code (slots[r], positions[r])}.
   *
   * @param kv where to; room must be reserved, and its zones must count the rows
   * @param layer which layer
   * @param batch slot and position of each row
   * @param k {@code [rows][kvHeads][headDim] f32}, after RoPE
   * @param v {@code [rows][kvHeads][headDim] f32}
   */
  void append(KvStore kv, int layer, Batch batch, Buffer k, Buffer v);

  /**
   * Writes a chunk of one sequence's prompt: row {@code r} at position {@code start + r}. A backend
   * that keeps K and V in another memory moves them there while the next layer computes, so until the next
   * {@link KvStore#setZones} of any sequence only prefill attention and the key encoder may read them. Never
   * part of a recorded step.
   *
   * @param kv where to; room must be reserved, and its zones must count the chunk
   * @param layer which layer
   * @param slot the sequence
   * @param start position of the first row
   * @param k {@code [rows][kvHeads][headDim] f32}, after RoPE
   * @param v {@code [rows][kvHeads][headDim] f32}
   */
  void appendChunk(KvStore kv, int layer, int slot, int start, Buffer k, Buffer v);
}

package io.pariskv.attention;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;

/**
 * What stands between the projections of a layer and its attention, as one call: QK-norm of queries and
 * keys where the model has it, their rotary embedding, and the append of keys and values.
 *
 * <p>The numbers are those of {@link io.pariskv.layer.RmsNorm} with a row a head, {@link
 * io.pariskv.layer.Rotary#rotate} and {@link io.pariskv.kv.KvAppend}, one after another, and within the
 * tolerances of the first two: a stored key may be the other neighbour of a number that lies between two
 * of the store's. Values are stored bit for bit as {@code KvAppend} stores them.
 *
 * <p>Reads and writes each number once where a backend has it in one part.
 */
public interface QkvPreparation {

  /**
   * Prepares row {@code r} for {@code (slots[r], positions[r])}.
   *
   * @param kv where keys and values go; room must be reserved, and its zones must count the rows
   * @param layer which layer
   * @param batch slot and position of each row
   * @param turn norm and rotation
   * @param q {@code [rows][heads][headDim] f32}, changed: normalised and rotated
   * @param k {@code [rows][kvHeads][headDim] f32}, undefined afterwards
   * @param v {@code [rows][kvHeads][headDim] f32}
   */
  void prepare(KvStore kv, int layer, Batch batch, HeadTurn turn, Buffer q, Buffer k, Buffer v);

  /**
   * Prepares a chunk of one sequence's prompt: row {@code r} for position {@code start + r}. As {@link
   * io.pariskv.kv.KvAppend#appendChunk}: until the next {@link KvStore#setZones} only prefill attention may
   * read the rows, and never part of a recorded step.
   *
   * @param kv where keys and values go; room must be reserved, and its zones must count the chunk
   * @param layer which layer
   * @param slot the sequence
   * @param start position of the first row
   * @param turn norm and rotation
   * @param q {@code [rows][heads][headDim] f32}, changed: normalised and rotated
   * @param k {@code [rows][kvHeads][headDim] f32}, undefined afterwards
   * @param v {@code [rows][kvHeads][headDim] f32}
   */
  void prepareChunk(KvStore kv, int layer, int slot, int start, HeadTurn turn, Buffer q, Buffer k,
      Buffer v);
}

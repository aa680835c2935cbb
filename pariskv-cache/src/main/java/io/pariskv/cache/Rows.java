package io.pariskv.cache;

import io.pariskv.attention.HeadTurn;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * The rows of one forward pass and their way through the cache, layer by layer: a chunk of one
 * sequence's prompt ({@link KvCache#prefill}) or the next token of each of several sequences ({@link
 * DecodeBatch}).
 *
 * <p>A pass: {@link #begin}, then for every layer in order {@link #prepare} (or {@link #append}, for
 * heads that are prepared already) and {@link #attend}, then {@link #commit}. Buffers come from the backend's allocators.
 */
public interface Rows extends AutoCloseable {

  /** Number of rows, slot and position of each. */
  Batch batch();

  /** Starts the pass: positions are known from here on. Part of a recorded step. */
  void begin();

  /**
   * Norm and rotation of queries and keys, and K and V of the rows into the cache.
   *
   * @param turn norm and rotation
   * @param q {@code [rows][heads][headDim] f32}, changed: normalised and rotated
   * @param k {@code [rows][kvHeads][headDim] f32}, undefined afterwards
   * @param v {@code [rows][kvHeads][headDim] f32}
   */
  void prepare(int layer, HeadTurn turn, Buffer q, Buffer k, Buffer v);

  /**
   * Writes K and V of the rows.
   *
   * @param k {@code [rows][kvHeads][headDim] f32}, after RoPE
   * @param v {@code [rows][kvHeads][headDim] f32}
   */
  void append(int layer, Buffer k, Buffer v);

  /**
   * Attends for the rows, after {@link #prepare} or {@link #append} for the same layer.
   *
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param out {@code [rows][heads][headDim] f32}
   */
  void attend(int layer, Buffer q, Buffer out);

  /** Ends the pass: the tokens are part of their sequences. On the host, outside a recorded step. */
  void commit();

  /** Frees the small buffers of the pass. A pass closed before {@link #commit} adds no tokens. */
  @Override
  void close();
}

package io.pariskv.method;

import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.Retrieval;
import org.jspecify.annotations.Nullable;

/**
 * What a method selects keys with in decode steps: its stages, and the scratch memory that they pass on. Stream
 * order, one driving thread; the memory stays where it is, since a recorded step uses it.
 */
interface Selector extends AutoCloseable {

  /** Whether steps of so many sequences with retrieval zones of up to {@code keys} keys have room. */
  boolean serves(int rows, int keys);

  /**
   * Selects for one layer.
   *
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @return for each KV head, or for each query head; valid until the next call
   */
  Selection select(int layer, Batch batch, Buffer q);

  /** The retrieval that {@link #select} is, for people who time its parts; null if it is something else. */
  default @Nullable Retrieval retrieval() {
    return null;
  }

  /** Bytes of scratch memory. */
  long bytes();

  @Override
  void close();
}

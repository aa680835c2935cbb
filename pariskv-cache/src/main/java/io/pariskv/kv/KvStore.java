package io.pariskv.kv;

import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Keys and values of several sequences, all layers. A sequence has a slot; its rows are written by
 * {@code attention.KvAppend} and read by the attention and encoding stages of the backend that made
 * the store. Where a row lives (host, pinned host, device) is that backend's matter.
 *
 * <p>Memory grows in slabs as {@link #reserve} asks for it and is freed by {@link #release}. Not
 * thread-safe; one driving thread.
 */
public interface KvStore extends AutoCloseable {
  /** Fields of one row of {@link #zones()}: sink end, recent start, length. */
  int ZONE_FIELDS = 3;

  /** The geometry. */
  KvShape shape();

  /** How many sequences there is a place for. */
  int slots();

  /**
   * Takes a free slot, with no tokens in it.
   *
   * @throws IllegalStateException if all are taken
   */
  int open();

  /** Frees the slot's memory and gives the slot back. */
  void release(int slot);

  /**
   * Makes room for positions 0 to {@code tokens - 1} in every layer.
   *
   * <p>Costs nothing where there is room already.
   *
   * @throws OutOfMemoryError if the memory cannot be had; the slot then holds what it held before
   * @throws io.pariskv.error.InputException if the backend has no sequences of so many tokens
   */
  void reserve(int slot, int tokens);

  /** Tokens that {@code slot} has room for. */
  int capacity(int slot);

  /**
   * The zones of each slot as the stages read them, {@code [slots][3] i32}: sink end, recent start,
   * length.
   */
  Buffer zones();

  /**
   * Writes the zones of {@code slot}, in stream order. A smaller length forgets the tokens beyond it. Not
   * inside a recorded step.
   */
  void setZones(int slot, TokenZones zones);

  /**
   * Gives a sequence K and V of another one, in all layers and in stream order: what lies at the same positions. Costs as
   * much as the memory takes to read and write them, a small part of computing them. Not inside a recorded step.
   *
   * @param source which has those tokens
   * @param target whose zones are set already as they are with them, as at the beginning of a pass; {@code to} is its length
   * @param from the first position
   * @param to behind the last one
   * @throws IllegalArgumentException if either has no room for those positions
   */
  void copy(int source, int target, int from, int to);

  /**
   * K and V of one token as stored, for comparison and diagnosis; slow. Waits for all work before.
   *
   * @param k out, {@code [kvHeads][headDim]}
   * @param v out, {@code [kvHeads][headDim]}
   */
  default void read(int layer, int slot, int position, float[] k, float[] v) {
    read(layer, slot, position, 1, k, v);
  }

  /**
   * The same of {@code tokens} tokens, from position {@code from} on.
   *
   * @param k out, {@code [tokens][kvHeads][headDim]}
   * @param v out, {@code [tokens][kvHeads][headDim]}
   */
  default void read(int layer, int slot, int from, int tokens, float[] k, float[] v) {
    DType dtype = shape().dtype();
    int numbers = tokens * shape().kvHeads() * shape().headDim();
    MemorySegment keys = MemorySegment.ofArray(new byte[numbers * dtype.bytes()]);
    MemorySegment values = MemorySegment.ofArray(new byte[numbers * dtype.bytes()]);
    read(layer, slot, from, tokens, keys, values);
    for (int i = 0; i < numbers; i++) {
      k[i] = number(dtype, keys, i);
      v[i] = number(dtype, values, i);
    }
  }

  private static float number(DType dtype, MemorySegment from, int index) {
    return dtype == DType.BF16
        ? Bf16.toFloat(from.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, index))
        : from.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, index);
  }

  /**
   * The same as stored, for who keeps rows elsewhere: appended again, they are the same bit for bit. Waits for all work
   * before. Costs a copy; with rows in device memory one for each KV head, so ask for many tokens at once.
   *
   * @param k out, host memory, at least {@code [tokens][kvHeads][headDim]} of {@code shape().dtype()}
   * @param v out, the same
   */
  void read(int layer, int slot, int from, int tokens, MemorySegment k, MemorySegment v);

  /** Bytes held now. */
  long bytes();

  /**
   * Most tokens of a sequence whose rows the stages have in memory of their own: all, unless K and V are
   * offloaded.
   */
  default int residentRows() {
    return Integer.MAX_VALUE;
  }

  /** How much of {@link #bytes} is page-locked host memory. */
  default long pinnedBytes() {
    return 0;
  }

  /**
   * Where decode steps of the sequence in {@code slot} had selected rows from; nothing unless there is a cache of
   * rows. Waits for all work before.
   */
  default RowFetches fetches(int slot) {
    return RowFetches.NONE;
  }

  /** Rows that the cache of each KV head has, 0 if there is none. */
  default int cachedRows() {
    return 0;
  }

  /** Frees everything. */
  @Override
  void close();
}

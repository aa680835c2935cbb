package io.pariskv.index;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;

/**
 * What a method keeps about the keys of several sequences' retrieval zones: a row of numbers for every key, or for
 * every page of neighbouring keys, in each KV head of each layer that has no sliding window. What the numbers mean
 * is a matter of the stages that write and read them.
 *
 * <p>Rows are numbered by zone position: row {@code r} is about the {@link #tokensPerRow} keys from zone position
 * {@code r * tokensPerRow} on. Memory grows in slabs of {@link TokenSlabs#SLAB_TOKENS} keys that never move. Slots are
 * those of the {@code KvStore}. Not thread-safe; one driving thread.
 */
public interface ZoneTable extends AutoCloseable {

  /** The geometry of the keys. */
  KvShape shape();

  /** The type of a row's numbers. */
  DType dtype();

  /** Numbers of a row. */
  int width();

  /** Keys that share a row, a power of two. */
  int tokensPerRow();

  /**
   * Makes room for the rows of {@code tokens} keys of {@code slot}; what was written stays.
   *
   * @throws OutOfMemoryError if the memory cannot be had; the slot then holds what it held before
   */
  void reserve(int slot, int tokens);

  /** Forgets {@code slot} and frees its memory. */
  void release(int slot);

  /** Keys that {@code slot} has room for. */
  int capacity(int slot);

  /** The bytes of one row, for comparison and diagnosis; slow. Waits for all work before. */
  MemorySegment read(int layer, int slot, int kvHead, int row);

  /** Bytes of rows held now. */
  long bytes();

  /** Bytes that the rows of {@code tokens} keys of one sequence take, whole slabs. */
  static long bytes(KvShape shape, DType dtype, int width, int tokensPerRow, int tokens) {
    long layers = shape.windows().stream().filter(window -> window == 0).count();
    return layers * TokenSlabs.slabs(tokens) * slabBytes(shape, dtype, width, tokensPerRow);
  }

  /** Bytes of one slab of one layer. */
  static long slabBytes(KvShape shape, DType dtype, int width, int tokensPerRow) {
    return (long) shape.kvHeads() * rowsPerSlab(tokensPerRow) * width * dtype.bytes();
  }

  /**
   * Rows of a slab.
   *
   * @throws IllegalArgumentException if {@code tokensPerRow} is not a power of two up to a slab's tokens
   */
  static int rowsPerSlab(int tokensPerRow) {
    if (Integer.bitCount(tokensPerRow) != 1 || tokensPerRow < 1
        || tokensPerRow > TokenSlabs.SLAB_TOKENS) {
      throw new IllegalArgumentException("keys of a row " + tokensPerRow
          + " must be a power of two up to " + TokenSlabs.SLAB_TOKENS);
    }
    return TokenSlabs.SLAB_TOKENS / tokensPerRow;
  }

  /** Frees everything. */
  @Override
  void close();
}

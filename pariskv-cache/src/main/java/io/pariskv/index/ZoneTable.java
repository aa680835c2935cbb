package io.pariskv.index;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

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

  /** What the rows are. */
  Layout layout();

  /** The geometry of the keys. */
  default KvShape shape() {
    return layout().shape;
  }

  /** The type of a row's numbers. */
  default DType dtype() {
    return layout().dtype;
  }

  /** Numbers of a row. */
  default int width() {
    return layout().width;
  }

  /** Keys that share a row, a power of two. */
  default int tokensPerRow() {
    return layout().tokensPerRow;
  }

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
    return layers * TokenSlabs.slabs(tokens)
        * new Layout(shape, dtype, width, tokensPerRow).slabBytes();
  }

  /**
   * What the rows of a table are.
   *
   * @param shape the geometry of the keys
   * @param dtype the type of a row's numbers
   * @param width numbers of a row
   * @param tokensPerRow keys that share a row, a power of two up to a slab's tokens
   */
  record Layout(KvShape shape, DType dtype, int width, int tokensPerRow) {

    /** Checks the keys of a row. */
    public Layout {
      if (Integer.bitCount(tokensPerRow) != 1 || tokensPerRow < 1
          || tokensPerRow > TokenSlabs.SLAB_TOKENS) {
        throw new IllegalArgumentException("keys of a row " + tokensPerRow
            + " must be a power of two up to " + TokenSlabs.SLAB_TOKENS);
      }
    }

    /** Rows of a slab. */
    public int rowsPerSlab() {
      return TokenSlabs.SLAB_TOKENS / tokensPerRow;
    }

    /** Bytes of a row. */
    public int rowBytes() {
      return width * dtype.bytes();
    }

    /** Bytes of one slab of one layer. */
    public long slabBytes() {
      return (long) shape.kvHeads() * rowsPerSlab() * rowBytes();
    }

    /** Bytes from the begin of its slab to a row. */
    public long rowAt(int kvHead, int row) {
      long number = (long) Objects.checkIndex(kvHead, shape.kvHeads()) * rowsPerSlab()
          + row % rowsPerSlab();
      return number * rowBytes();
    }
  }

  /** Frees everything. */
  @Override
  void close();
}

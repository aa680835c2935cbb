package io.pariskv.memory;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A buffer that grows along its tokens axis: {@code [outer][tokens][width]}, kept as slabs of {@link
 * #SLAB_TOKENS} tokens, each {@code [outer][SLAB_TOKENS][width]}.
 *
 * <p>Slabs never move, so an address stays valid while the context grows, and no offset is ever
 * larger than a slab: a million tokens need no 64-bit index. Not thread-safe while growing.
 */
public final class TokenSlabs {
  /** Tokens of one slab. A power of two, so that position to slab is a shift. */
  public static final int SLAB_TOKENS = 1024;

  /** log2 of {@link #SLAB_TOKENS}. */
  public static final int SLAB_SHIFT = 10;

  private final Allocator allocator;
  private final DType dtype;
  private final int outer;
  private final int width;
  private final List<Buffer> slabs = new ArrayList<>();

  /**
   * An empty buffer.
   *
   * @param allocator owner of the slabs
   * @param outer rows of every slab, such as KV heads
   * @param width elements of one token in one row, such as the head size
   */
  public TokenSlabs(Allocator allocator, DType dtype, int outer, int width) {
    this.allocator = allocator;
    this.dtype = dtype;
    this.outer = outer;
    this.width = width;
  }

  /** Makes room for positions 0 to {@code tokens - 1}. What was written stays where it is. */
  public void reserve(int tokens) {
    while (slabs.size() < slabs(tokens)) {
      slabs.add(allocator.allocate(dtype, outer, SLAB_TOKENS, width));
    }
  }

  /** Tokens there is room for. */
  public int capacity() {
    return slabs.size() << SLAB_SHIFT;
  }

  /** Rows of every slab. */
  public int outer() {
    return outer;
  }

  /** Elements of one token in one row. */
  public int width() {
    return width;
  }

  /** The type of one element. */
  public DType dtype() {
    return dtype;
  }

  /** Slab {@code i}, {@code [outer][SLAB_TOKENS][width]}, holding positions from {@code i * SLAB_TOKENS}. */
  public Buffer slab(int i) {
    return slabs.get(i);
  }

  /** Address of row {@code row}, token {@code token}: {@code width} contiguous elements. */
  public long address(int row, int token) {
    long offset = ((long) row << SLAB_SHIFT) + (token & (SLAB_TOKENS - 1));
    return slabs.get(token >> SLAB_SHIFT).address() + offset * width * dtype.bytes();
  }

  /** Row {@code row}, token {@code token} of host memory: {@code width} contiguous elements, bounds-checked. */
  public MemorySegment row(int row, int token) {
    return rows(row, token, token + 1);
  }

  /** The same of tokens {@code from} to {@code to - 1} of one slab, one after another. */
  public MemorySegment rows(int row, int from, int to) {
    long bytes = (long) width * dtype.bytes();
    long offset = (((long) row << SLAB_SHIFT) + (from & (SLAB_TOKENS - 1))) * bytes;
    return slabs.get(from >> SLAB_SHIFT).segment().asSlice(offset, (to - from) * bytes);
  }

  /** Bytes of one slab of the given geometry. */
  public static long slabBytes(DType dtype, int outer, int width) {
    return (long) outer * SLAB_TOKENS * width * dtype.bytes();
  }

  /** Bytes that {@code tokens} tokens take, whole slabs. */
  public static long bytes(DType dtype, int outer, int width, int tokens) {
    return slabBytes(dtype, outer, width) * slabs(tokens);
  }

  /** Slabs that {@code tokens} tokens take. */
  public static long slabs(int tokens) {
    return (tokens + (SLAB_TOKENS - 1L)) >> SLAB_SHIFT;
  }
}

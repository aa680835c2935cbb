package io.pariskv.memory;

import java.lang.foreign.MemorySegment;

/**
 * Typed memory of a known shape, row-major and contiguous: an address, a {@link DType} and a
 * {@link Shape}.
 *
 * <p>A buffer does not own its memory. The {@link Allocator} that made it does, and frees it when
 * closed; a view ({@link #slice}, {@link #reshape}) lives as long as what it views. Contents may be
 * written by any thread, one at a time; the buffer object itself is immutable.
 */
public final class Buffer {

  /** Which machine can reach the memory. */
  public enum Placement {
    /** Pageable host memory. */
    HOST,
    /** Page-locked host memory that a device reads in place. */
    PINNED,
    /** Memory of a device; the host cannot dereference it. */
    DEVICE
  }

  private final Placement placement;
  private final DType dtype;
  private final Shape shape;
  private final MemorySegment segment;

  private Buffer(Placement placement, DType dtype, Shape shape, MemorySegment segment) {
    this.placement = placement;
    this.dtype = dtype;
    this.shape = shape;
    this.segment = segment;
  }

  /**
   * A buffer over existing memory.
   *
   * @param segment exactly the bytes of {@code shape}; for device memory a segment of that address
   *     and size which must never be dereferenced
   * @throws IllegalArgumentException if the sizes differ; the message names both
   */
  public static Buffer wrap(Placement placement, DType dtype, Shape shape, MemorySegment segment) {
    long expected = Math.multiplyExact(shape.elements(), dtype.bytes());
    if (segment.byteSize() != expected) {
      throw new IllegalArgumentException(
          shape + " " + dtype + " needs " + expected + " bytes, not " + segment.byteSize());
    }
    return new Buffer(placement, dtype, shape, segment);
  }

  /** Where the memory is. */
  public Placement placement() {
    return placement;
  }

  /** The type of one element. */
  public DType dtype() {
    return dtype;
  }

  /** The axes, outermost first. */
  public Shape shape() {
    return shape;
  }

  /** Bytes of all elements. */
  public long byteSize() {
    return segment.byteSize();
  }

  /** Address of the first element, on the host or on the device. */
  public long address() {
    return segment.address();
  }

  /**
   * The memory itself.
   *
   * @throws IllegalStateException if it is on a device
   */
  public MemorySegment segment() {
    if (placement == Placement.DEVICE) {
      throw new IllegalStateException(this + " is on a device; download it first");
    }
    return segment;
  }

  /**
   * Rows {@code from} (inclusive) to {@code to} (exclusive) of the outermost axis, without a copy.
   *
   * @throws IndexOutOfBoundsException if the range is outside the axis
   */
  public Buffer slice(long from, long to) {
    if (from < 0 || to < from || to > shape.axis(0)) {
      throw new IndexOutOfBoundsException("rows " + from + " to " + to + " of " + this);
    }
    long row = shape.axis(0) == 0 ? 0 : byteSize() / shape.axis(0);
    return new Buffer(
        placement, dtype, shape.withOuter(to - from),
        segment.asSlice(from * row, (to - from) * row));
  }

  /**
   * The same elements under other axes, without a copy.
   *
   * @throws IllegalArgumentException if the number of elements differs
   */
  public Buffer reshape(long... axes) {
    Shape other = Shape.of(axes);
    if (other.elements() != shape.elements()) {
      throw new IllegalArgumentException(this + " cannot be seen as " + other);
    }
    return new Buffer(placement, dtype, other, segment);
  }

  /**
   * Checks type and shape of an argument.
   *
   * @param name what the caller calls this buffer
   * @return this
   * @throws IllegalArgumentException if they differ; the message names both
   */
  public Buffer require(String name, DType type, long... axes) {
    if (dtype != type || !matches(axes)) {
      throw new IllegalArgumentException(
          name + " must be " + Shape.of(axes) + " " + type + ", not " + this);
    }
    return this;
  }

  /**
   * Checks type and shape of an argument whose innermost axis may be longer than what is used of it.
   *
   * @param name what the caller calls this buffer
   * @param axes the outer axes exactly, and how long the innermost must be at least
   * @return this
   * @throws IllegalArgumentException if they differ; the message names both
   */
  public Buffer requireAtLeast(String name, DType type, long... axes) {
    int last = axes.length - 1;
    if (shape.rank() != axes.length || shape.axis(last) < axes[last]) {
      return require(name, type, axes);
    }
    long[] capacity = axes.clone();
    capacity[last] = shape.axis(last);
    return require(name, type, capacity);
  }

  private boolean matches(long[] axes) {
    if (axes.length != shape.rank()) {
      return false;
    }
    for (int i = 0; i < axes.length; i++) {
      if (axes[i] != shape.axis(i)) {
        return false;
      }
    }
    return true;
  }

  /** Shape and type, such as {@code [8][128] bf16}. */
  @Override
  public String toString() {
    return shape + " " + dtype;
  }
}

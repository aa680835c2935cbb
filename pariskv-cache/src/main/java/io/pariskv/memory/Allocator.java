package io.pariskv.memory;

/**
 * Makes buffers of one {@linkplain Buffer.Placement placement} and frees all of them when closed.
 *
 * <p>One owner, one allocator: whoever creates an allocator closes it. Buffers must not be used
 * afterwards. Allocation is thread-safe.
 */
public interface Allocator extends AutoCloseable {

  /**
   * A new buffer, 64-byte aligned and filled with zeros.
   *
   * @throws OutOfMemoryError if the memory cannot be had
   * @throws IllegalStateException if the allocator is closed
   */
  Buffer allocate(DType dtype, long... shape);

  /** Bytes handed out so far. */
  long allocatedBytes();

  /** Frees every buffer. Closing twice does nothing. */
  @Override
  void close();
}

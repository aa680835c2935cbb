package io.pariskv.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/** Buffers in pageable host memory, off the Java heap, owned by one shared {@link Arena}. */
public final class HostAllocator implements Allocator {
  /** A cache line, and the widest vector. */
  private static final long ALIGNMENT = 64;

  private final Arena arena = Arena.ofShared();
  private final AtomicLong bytes = new AtomicLong();

  @Override
  public Buffer allocate(DType dtype, long... shape) {
    Shape axes = Shape.of(shape);
    long size = Math.multiplyExact(axes.elements(), dtype.bytes());
    if (!arena.scope().isAlive()) {
      throw new IllegalStateException(
          "the allocator is closed; cannot allocate " + axes + " " + dtype);
    }
    MemorySegment segment = arena.allocate(size, ALIGNMENT);
    bytes.addAndGet(size);
    return Buffer.wrap(Buffer.Placement.HOST, dtype, axes, segment);
  }

  @Override
  public long allocatedBytes() {
    return bytes.get();
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}

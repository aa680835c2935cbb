package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import org.jspecify.annotations.Nullable;

/** Fills the largest cache with something else, so that what comes next finds nothing there. */
final class CacheFlush implements AutoCloseable {
  /** How often the cache is filled. */
  private static final int TIMES = 4;

  private final Backend backend;
  private final Allocator memory;
  private final @Nullable Buffer buffer;
  private final @Nullable ParallelRead read;

  CacheFlush(Backend backend) {
    this.backend = backend;
    memory = backend.newAllocator();
    boolean gpu = backend.plan().work() == MemoryPlace.GPU;
    buffer = gpu ? memory.allocate(DType.F32, bytes(backend) / DType.F32.bytes()) : null;
    read = gpu ? null : new ParallelRead(bytes(backend));
  }

  private static long bytes(Backend backend) {
    return TIMES * backend.cacheBytes();
  }

  /** {@code plan} with what this allocates. */
  static MemoryPlan plan(MemoryPlan plan, Backend backend) {
    return plan.with("what flushes the cache", bytes(backend));
  }

  /** Does it, in stream order. */
  void run() {
    if (buffer != null) {
      backend.layers().randomFill().fill(buffer, 1, 1);
    } else if (read != null) {
      read.run();
    }
  }

  @Override
  @SuppressWarnings("try") // closed in the end
  public void close() {
    try (memory; read) {
      // nothing else
    }
  }
}

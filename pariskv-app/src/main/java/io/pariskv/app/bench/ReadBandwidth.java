package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.layer.Linear;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;

/**
 * How fast a backend reads its memory.
 *
 * @param gigabytesPerSecond of the median run
 * @param how for a person
 */
public record ReadBandwidth(double gigabytesPerSecond, String how) {
  /** How often what is read must fill the largest cache. */
  private static final int COLD = 4;
  private static final int WIDTH = 4096;
  private static final int RUNS = 10;

  static ReadBandwidth measure(Backend backend) {
    long bytes = COLD * backend.cacheBytes();
    return backend.plan().work() == MemoryPlace.GPU
        ? multiply(backend, 2 * bytes / (WIDTH * (long) DType.BF16.bytes())) // much beside a launch
        : read(backend, bytes);
  }

  /** Reads every weight once and next to nothing else. */
  private static ReadBandwidth multiply(Backend backend, long out) {
    try (Allocator memory = backend.newAllocator()) {
      Buffer weight = memory.allocate(DType.BF16, out, WIDTH);
      Buffer x = memory.allocate(DType.F32, 1, WIDTH);
      Buffer y = memory.allocate(DType.F32, 1, out);
      backend.layers().randomFill().fill(weight, 1, 1);
      backend.layers().randomFill().fill(x, 2, 1);
      Linear linear = new Linear(weight, null);
      return measure(backend, () -> backend.layers().matMul().multiply(x, linear, y),
          weight.byteSize(), "one row times a bf16 matrix of ");
    }
  }

  private static ReadBandwidth read(Backend backend, long bytes) {
    try (ParallelRead read = new ParallelRead(bytes)) {
      return measure(backend, read::run, bytes, "all cores read ");
    }
  }

  private static ReadBandwidth measure(Backend backend, Runnable body, long bytes, String how) {
    try (Step step = backend.record(body)) {
      double milliseconds = Timing.of(backend, step, RUNS).median();
      return new ReadBandwidth(bytes / milliseconds / 1e6, how + MemoryPlan.humanBytes(bytes));
    }
  }
}

package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.layer.Linear;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;

/**
 * How fast a backend reads its memory: one row times a large bf16 matrix, which reads every weight once and
 * next to nothing else.
 *
 * @param gigabytesPerSecond of the median run
 * @param how for a person
 */
public record ReadBandwidth(double gigabytesPerSecond, String how) {
  private static final int WIDTH = 4096;
  private static final int RUNS = 10;

  static ReadBandwidth measure(Backend backend) {
    long out = 8 * backend.cacheBytes() / ((long) WIDTH * DType.BF16.bytes());
    try (Allocator memory = backend.newAllocator()) {
      Buffer weight = memory.allocate(DType.BF16, out, WIDTH);
      Buffer x = memory.allocate(DType.F32, 1, WIDTH);
      Buffer y = memory.allocate(DType.F32, 1, out);
      backend.layers().randomFill().fill(weight, 1, 1);
      backend.layers().randomFill().fill(x, 2, 1);
      Linear linear = new Linear(weight, null);
      try (Step step = backend.record(() -> backend.layers().matMul().multiply(x, linear, y))) {
        double milliseconds = Timing.of(backend, step, RUNS).median();
        return new ReadBandwidth(weight.byteSize() / milliseconds / 1e6,
            "one row times a matrix of "
                + MemoryPlan.humanBytes(weight.byteSize()) + " in bf16");
      }
    }
  }
}

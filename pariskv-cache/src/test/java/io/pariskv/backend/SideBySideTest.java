package io.pariskv.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.TestBackends;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Backends of several threads of one process, such as those of a server with several models. */
class SideBySideTest {
  private static final int THREADS = 4;
  private static final int OPENINGS = 3;
  private static final int ROUNDS = 20;
  private static final int ELEMENTS = 10_000;

  /** Each thread records steps while others wait for the GPU, take memory and give it back, and open and close backends. */
  @Test
  void backends_recordStepsAndFreeMemory_whateverTheOthersDo() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      List<Future<float[]>> filled = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        filled.add(threads.submit(() -> {
          float[] last = {};
          for (int opening = 0; opening < OPENINGS; opening++) {
            last = recordAndFree();
          }
          return last;
        }));
      }
      float[] first = get(filled.getFirst());
      for (Future<float[]> other : filled) {
        assertArrayEquals(first, get(other));
      }
    }
  }

  private static float[] recordAndFree() {
    float[] last = {};
    try (Backend backend = Backends.open(TestBackends.onGpu() ? "cuda" : "vector")) {
      for (int round = 0; round < ROUNDS; round++) {
        int seed = round;
        try (Buffers buffers = new Buffers(backend)) {
          Buffer values = buffers.empty(DType.F32, ELEMENTS);
          backend.layers().randomFill().fill(values, seed, 1); // loads the kernel before a recording
          try (Step step = backend.record(() -> {
            for (int i = 0; i < 20; i++) {
              backend.layers().randomFill().fill(values, seed + i, 1);
            }
          })) {
            step.run();
          }
          last = buffers.floats(values);
        }
      }
    }
    return last;
  }

  private static float[] get(Future<float[]> values) throws Exception {
    try {
      return values.get();
    } catch (ExecutionException e) {
      throw new AssertionError("a backend failed beside others", e.getCause());
    }
  }
}

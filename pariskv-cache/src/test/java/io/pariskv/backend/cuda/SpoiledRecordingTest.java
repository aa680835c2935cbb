package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.pariskv.backend.Step;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * A step beside another library of the process that waits for the whole GPU, on a real one: {@link RecordingsTest} has the
 * same on the fake GPU, which does what this finds here.
 */
@Tag("gpu")
@EnabledIfSystemProperty(named = "pariskv.testBackend", matches = "cuda", disabledReason = "needs a GPU; gpu/run-tests runs it")
class SpoiledRecordingTest {
  private static final int ELEMENTS = 10_000;
  private static final int RUNS = 6;
  private static final int SPOILED_RUNS = 4;

  @Test
  void aStepIsRight_howeverOftenAnotherLibraryWaitsForTheGpu() {
    try (CudaBackend backend = new CudaBackend();
        Buffers buffers = new Buffers(backend);
        ExecutorService library = Executors.newSingleThreadExecutor()) {
      assertEquals(0, CompletableFuture.supplyAsync(SpoiledRecordingTest::useTheGpu, library).join());
      Buffer values = buffers.empty(DType.F32, ELEMENTS);
      Buffer expected = buffers.empty(DType.F32, ELEMENTS);
      backend.layers().randomFill().fill(expected, 2, 1);
      List<Integer> codes = new ArrayList<>();
      int[] run = {0};
      try (Step step = backend.record(() -> {
        backend.layers().randomFill().fill(values, 1, 1);
        if (run[0] <= SPOILED_RUNS) {
          codes.add(CompletableFuture.supplyAsync(SpoiledRecordingTest::waitForTheGpu, library).join());
        }
        backend.layers().randomFill().fill(values, 2, 1);
      })) {
        for (; run[0] < RUNS; run[0]++) {
          backend.layers().randomFill().fill(values, 3, 1);
          step.run();
          assertArrayEquals(buffers.floats(expected), buffers.floats(values), "run " + run[0]);
        }
      }
      // The first run, then two for each that was spoiled: as it was recorded, and as it was launched instead.
      assertEquals(1 + 2 * SPOILED_RUNS, codes.size());
      for (int i = 0; i < codes.size(); i++) {
        if (i % 2 == 1) {
          assertNotEquals(0, codes.get(i), "CUDA allows the wait while a step is recorded");
        } else {
          assertEquals(0, codes.get(i));
        }
      }
    }
  }

  /** A library shares the process's primary context with all others, and keeps it. */
  private static int useTheGpu() {
    CudaDriver driver = CudaDriver.load();
    CudaDevice device = CudaDevice.of(driver, 0);
    driver.cuCtxSetCurrent(driver.cuDevicePrimaryCtxRetain(device.handle()));
    return waitForTheGpu();
  }

  private static int waitForTheGpu() {
    MethodHandle wait = Linker.nativeLinker().downcallHandle(
        SymbolLookup.libraryLookup("libcuda.so.1", Arena.global()).findOrThrow("cuCtxSynchronize"),
        FunctionDescriptor.of(ValueLayout.JAVA_INT));
    try {
      return (int) wait.invokeExact();
    } catch (Throwable e) {
      throw new AssertionError("cuCtxSynchronize", e);
    }
  }
}

package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.pariskv.backend.Step;
import io.pariskv.layer.Linear;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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
      assertEquals(0,
          CompletableFuture.supplyAsync(SpoiledRecordingTest::useTheGpu, library).join());
      Buffer values = buffers.empty(DType.F32, ELEMENTS);
      Buffer expected = buffers.empty(DType.F32, ELEMENTS);
      backend.layers().randomFill().fill(expected, 2, 1);
      List<Integer> codes = new ArrayList<>();
      int[] run = {0};
      try (Step step = backend.record(() -> {
        backend.layers().randomFill().fill(values, 1, 1);
        if (run[0] <= SPOILED_RUNS) {
          codes.add(
              CompletableFuture.supplyAsync(SpoiledRecordingTest::waitForTheGpu, library).join());
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

  /** cuBLASLt sees the failure as well, and must do its work in the same run all the same. */
  @Test
  void aProductIsRight_afterItsRecordingWasSpoiled() {
    try (CudaBackend backend = new CudaBackend();
        Buffers buffers = new Buffers(backend);
        ExecutorService library = Executors.newSingleThreadExecutor()) {
      CompletableFuture.supplyAsync(SpoiledRecordingTest::useTheGpu, library).join();
      Products products = new Products(backend, buffers);
      float[] expected = products.multiply(17);
      try (Step step = backend.record(() -> {
        if (products.runs == 1) {
          CompletableFuture.supplyAsync(SpoiledRecordingTest::waitForTheGpu, library).join();
        }
        products.launch(17);
      })) {
        for (; products.runs < RUNS; products.runs++) {
          backend.upload(MemorySegment.ofArray(new float[MOST_ROWS * OUT]), products.y);
          step.run();
          assertArrayEquals(expected, products.result(17), "run " + products.runs);
        }
      }
    }
  }

  /** What backends of ours do all the time, none of which may spoil the recordings of another. */
  enum Call {
    TAKE_AND_FREE_GPU_MEMORY, PIN_AND_UNPIN_HOST_MEMORY, UPLOAD_AND_DOWNLOAD, NEW_PRODUCTS, OPEN_AND_CLOSE
  }

  @ParameterizedTest
  @EnumSource(Call.class)
  void recordings_areNotSpoiled_byWhatAnotherBackendDoes(Call call) {
    try (CudaBackend backend = new CudaBackend();
        Buffers buffers = new Buffers(backend);
        ExecutorService threads = Executors.newSingleThreadExecutor()) {
      Buffer values = buffers.empty(DType.F32, ELEMENTS);
      backend.layers().randomFill().fill(values, 1, 1); // loads the kernel
      CompletableFuture<Void> other = CompletableFuture.runAsync(() -> repeat(call), threads);
      int recordings = 0;
      do {
        CudaGraph.capture(backend.kernels().stream(), () -> {
          for (int i = 0; i < 50; i++) {
            backend.layers().randomFill().fill(values, i, 1);
          }
        }).close();
        recordings++;
      } while (!other.isDone());
      other.join();
      System.out.println(call + ": " + recordings + " recordings");
    }
  }

  private static void repeat(Call call) {
    try (CudaBackend backend = new CudaBackend(); Buffers buffers = new Buffers(backend)) {
      Products products = new Products(backend, buffers);
      for (int round = 0; round < (call == Call.OPEN_AND_CLOSE ? 10 : 200); round++) {
        switch (call) {
          case TAKE_AND_FREE_GPU_MEMORY -> takeAndFree(backend.newAllocator());
          case PIN_AND_UNPIN_HOST_MEMORY -> takeAndFree(backend.newPinnedAllocator());
          case UPLOAD_AND_DOWNLOAD -> buffers.floats(products.x);
          case NEW_PRODUCTS -> products.multiply(17 + round);
          case OPEN_AND_CLOSE -> new CudaBackend().close();
        }
      }
    }
  }

  private static void takeAndFree(Allocator memory) {
    try (memory) {
      memory.allocate(DType.U8, 32L << 20);
    }
  }

  private static final int IN = 64;
  private static final int OUT = 48;
  private static final int MOST_ROWS = 256;

  /** Products of more rows than our own kernels multiply. */
  private static final class Products {
    private final CudaBackend backend;
    private final Buffers buffers;
    private final Linear linear;
    private final Buffer x;
    private final Buffer y;
    private int runs;

    Products(CudaBackend backend, Buffers buffers) {
      this.backend = backend;
      this.buffers = buffers;
      Buffer weight = buffers.empty(DType.F32, OUT, IN);
      this.x = buffers.empty(DType.F32, MOST_ROWS, IN);
      this.y = buffers.empty(DType.F32, MOST_ROWS, OUT);
      backend.layers().randomFill().fill(weight, 1, 1);
      backend.layers().randomFill().fill(x, 2, 1);
      this.linear = new Linear(weight, null);
    }

    void launch(int rows) {
      backend.layers().matMul().multiply(x.slice(0, rows), linear, y.slice(0, rows));
    }

    float[] result(int rows) {
      return buffers.floats(y.slice(0, rows));
    }

    float[] multiply(int rows) {
      launch(rows);
      return result(rows);
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

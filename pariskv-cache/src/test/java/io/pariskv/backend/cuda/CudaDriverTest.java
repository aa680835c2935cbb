package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Every function of the binding: its arguments in order and whole, its result, its failure. */
class CudaDriverTest {
  /** Where C writes a result; any address will do. */
  private static final Object OUT = new Object();

  /** Wider than 32 bits, all different, so that a cut or a swapped argument shows. */
  private static final long X = 0x1_0000_0a01L;
  private static final long Y = 0x2_0000_0b02L;
  private static final long Z = 0x3_0000_0c03L;

  private final FakeCuda fake = new FakeCuda();
  private final CudaDriver driver = fake.driver();
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment host = arena.allocate(64);
  private final Set<String> called = new HashSet<>();

  @AfterEach
  void close() {
    arena.close();
    fake.close();
  }

  private record Case(String symbol, Consumer<CudaDriver> call, Object... arguments) {
  }

  private List<Case> cases() {
    long at = host.address();
    return List.of(new Case("cuInit", d -> d.cuInit(7), 7),
        new Case("cuDriverGetVersion", CudaDriver::cuDriverGetVersion, OUT),
        new Case("cuDeviceGetCount", CudaDriver::cuDeviceGetCount, OUT),
        new Case("cuDeviceGet", d -> d.cuDeviceGet(3), OUT, 3),
        new Case("cuDeviceGetName", d -> d.cuDeviceGetName(3), OUT, 256, 3),
        new Case("cuDeviceGetPCIBusId", d -> d.cuDeviceGetPCIBusId(3), OUT, 256, 3),
        new Case("cuDeviceGetAttribute", d -> d.cuDeviceGetAttribute(16, 3), OUT, 16, 3),
        new Case("cuDeviceTotalMem_v2", d -> d.cuDeviceTotalMem(3), OUT, 3),
        new Case("cuDevicePrimaryCtxRetain", d -> d.cuDevicePrimaryCtxRetain(3), OUT, 3),
        new Case("cuDevicePrimaryCtxRelease_v2", d -> d.cuDevicePrimaryCtxRelease(3), 3),
        new Case("cuCtxSetCurrent", d -> d.cuCtxSetCurrent(X), X),
        new Case("cuMemGetInfo_v2", CudaDriver::cuMemGetInfo, OUT, OUT),
        new Case("cuMemAlloc_v2", d -> d.cuMemAlloc(X), OUT, X),
        new Case("cuMemFree_v2", d -> d.cuMemFree(X), X),
        new Case("cuMemsetD8Async", d -> d.cuMemsetD8Async(X, (byte) -3, Y, Z), X, (byte) -3, Y,
            Z),
        new Case("cuMemcpyHtoDAsync_v2", d -> d.cuMemcpyHtoDAsync(X, host, Y, Z), X, at, Y, Z),
        new Case("cuMemcpyDtoHAsync_v2", d -> d.cuMemcpyDtoHAsync(host, X, Y, Z), at, X, Y, Z),
        new Case("cuMemcpyDtoDAsync_v2", d -> d.cuMemcpyDtoDAsync(X, Y, Z, 4L), X, Y, Z, 4L),
        new Case("cuMemHostRegister_v2", d -> d.cuMemHostRegister(host, X, 3), at, X, 3),
        new Case("cuMemHostUnregister", d -> d.cuMemHostUnregister(host), at),
        new Case("cuMemHostGetDevicePointer_v2", d -> d.cuMemHostGetDevicePointer(host, 0), OUT,
            at, 0),
        new Case("cuMemHostAlloc", d -> d.cuMemHostAlloc(X, 3), OUT, X, 3),
        new Case("cuMemFreeHost", d -> d.cuMemFreeHost(X), X),
        new Case("cuStreamCreate", d -> d.cuStreamCreate(1), OUT, 1),
        new Case("cuStreamDestroy_v2", d -> d.cuStreamDestroy(X), X),
        new Case("cuStreamSynchronize", d -> d.cuStreamSynchronize(X), X),
        new Case("cuStreamWaitEvent", d -> d.cuStreamWaitEvent(X, Y, 0), X, Y, 0),
        new Case("cuEventCreate", d -> d.cuEventCreate(2), OUT, 2),
        new Case("cuEventRecord", d -> d.cuEventRecord(X, Y), X, Y),
        new Case("cuEventSynchronize", d -> d.cuEventSynchronize(X), X),
        new Case("cuEventElapsedTime_v2", d -> d.cuEventElapsedTime(X, Y), OUT, X, Y),
        new Case("cuEventDestroy_v2", d -> d.cuEventDestroy(X), X),
        new Case("cuModuleLoadData", d -> d.cuModuleLoadData(host), OUT, at),
        new Case("cuModuleUnload", d -> d.cuModuleUnload(X), X),
        new Case("cuModuleGetFunction", d -> d.cuModuleGetFunction(X, "k"), OUT, X, OUT),
        new Case("cuFuncGetParamInfo", d -> d.cuFuncGetParamInfo(X), X, 0L, OUT, OUT),
        new Case("cuFuncSetAttribute", d -> d.cuFuncSetAttribute(X, 8, 9), X, 8, 9),
        new Case("cuFuncGetAttribute", d -> d.cuFuncGetAttribute(4, X), OUT, 4, X),
        new Case("cuOccupancyMaxActiveBlocksPerMultiprocessor",
            d -> d.cuOccupancyMaxActiveBlocksPerMultiprocessor(X, 256, Y), OUT, X, 256, Y),
        new Case("cuLaunchKernel", d -> d.cuLaunchKernel(X, 1, 2, 3, 4, 5, 6, 7, Y, host), X, 1,
            2, 3, 4, 5, 6, 7, Y, at, 0L),
        new Case("cuLaunchKernelEx", d -> d.cuLaunchKernelEx(host, X, host), at, X, at, 0L),
        new Case("cuStreamBeginCapture_v2", d -> d.cuStreamBeginCapture(X, 1), X, 1),
        new Case("cuStreamEndCapture", d -> d.cuStreamEndCapture(X), X, OUT),
        new Case("cuGraphInstantiateWithFlags", d -> d.cuGraphInstantiateWithFlags(X, Y), OUT, X,
            Y),
        new Case("cuGraphLaunch", d -> d.cuGraphLaunch(X, Y), X, Y),
        new Case("cuGraphExecDestroy", d -> d.cuGraphExecDestroy(X), X),
        new Case("cuGraphDestroy", d -> d.cuGraphDestroy(X), X));
  }

  /** The fake answers before it looks at the arguments, since handles and addresses are made up. */
  @Test
  void everyFunction_passesItsArguments_andNamesItsFailure() {
    for (Case each : cases()) {
      fake.forget();
      fake.fail(each.symbol, 719);
      CudaException failure = assertThrows(CudaException.class, () -> each.call.accept(driver),
          each.symbol);

      FakeCuda.Call call = fake.calls().getFirst();
      assertEquals(each.symbol, call.function());
      assertEquals(each.arguments.length, call.arguments().size(), each.symbol);
      for (int i = 0; i < each.arguments.length; i++) {
        if (each.arguments[i] != OUT) {
          assertEquals(each.arguments[i], call.arguments().get(i), each.symbol + " " + i);
        }
      }
      assertEquals(each.symbol.replaceFirst("_v2$", ""), failure.call());
      assertEquals(719, failure.code());
      assertEquals("CUDA_ERROR_719", failure.name());
      called.add(failure.call());
    }
    assertEquals(functions(), called, "functions without a case");
  }

  private static Set<String> functions() {
    Set<String> names = new HashSet<>();
    Arrays.stream(CudaDriver.class.getDeclaredMethods())
        .map(method -> method.getName()).filter(name -> name.startsWith("cu"))
        .forEach(names::add); // those of an error's name and text are called by every failure
    return names;
  }

  @Test
  void results_areWhatTheLibraryWrote() {
    assertEquals(13_000, driver.cuDriverGetVersion());
    assertEquals("Fake GPU", driver.cuDeviceGetName(0));
    assertEquals("0000:1B:00.0", driver.cuDeviceGetPCIBusId(0));
    assertEquals(80L << 30, driver.cuDeviceTotalMem(0));
    assertEquals(new CudaDriver.MemoryInfo(1L << 32, 80L << 30), driver.cuMemGetInfo());
    long start = driver.cuEventCreate(0);
    long end = driver.cuEventCreate(0);
    assertEquals(1.5f, driver.cuEventElapsedTime(start, end));
    long function = driver.cuModuleGetFunction(driver.cuModuleLoadData(host), "smoke_add");
    assertArrayEquals(new int[]{8, 8, 8, 4, 4}, driver.cuFuncGetParamInfo(function));
    assertEquals(1004, driver.cuFuncGetAttribute(4, function));
  }

  @Test
  void aKernelWithAsManyParametersAsThereMayBe_isDescribedWhole() {
    int[] sizes = new int[CudaDriver.MAX_PARAMETERS];
    Arrays.fill(sizes, 8);
    fake.device().kernel("many", sizes, arguments -> {
    });
    long function = driver.cuModuleGetFunction(driver.cuModuleLoadData(host), "many");

    assertArrayEquals(sizes, driver.cuFuncGetParamInfo(function));
  }

  @Test
  void failures_nameCallCodeTextAndWayOut() {
    record Expected(String symbol, int code, String wayOut) {
    }
    for (Expected each : List.of(new Expected("cuMemAlloc_v2", 2, "lower --context"),
        new Expected("cuMemAlloc_v2", 35, "driver is too old"),
        new Expected("cuMemAlloc_v2", 36, "driver is too old"),
        new Expected("cuMemAlloc_v2", 100, "CUDA_VISIBLE_DEVICES"),
        new Expected("cuMemAlloc_v2", 209, "compute capability 8.0"),
        new Expected("cuMemAlloc_v2", 222, "driver is too old"),
        new Expected("cuMemAlloc_v2", 712, "registered already"),
        new Expected("cuMemAlloc_v2", 700, "CUDA_LAUNCH_BLOCKING"),
        new Expected("cuMemAlloc_v2", 900, "being recorded"))) {
      fake.fail(each.symbol, each.code);
      assertRefused(CudaException.class, () -> driver.cuMemAlloc(8), "cuMemAlloc failed",
          each.code + " CUDA_ERROR_" + each.code, "error number " + each.code, each.wayOut);
    }
    fake.fail("cuMemHostRegister_v2", 2);
    assertRefused(CudaException.class, () -> driver.cuMemHostRegister(host, 64, 3), "ulimit -l");
    fake.fail("cuMemAlloc_v2", 700);
    assertTrue(assertThrows(CudaException.class, () -> driver.cuMemAlloc(8)).isFault());
    fake.fail("cuMemAlloc_v2", 2);
    assertFalse(assertThrows(CudaException.class, () -> driver.cuMemAlloc(8)).isFault());
  }

  @Test
  void aCodeTheDriverDoesNotKnow_isStillAnError() {
    fake.fail("cuMemAlloc_v2", 12_345);

    assertRefused(CudaException.class, () -> driver.cuMemAlloc(8), "12345", "no description");
  }

  @Test
  void versionedSymbols_areTakenBeforePlainOnes() {
    try (FakeCuda both = new FakeCuda().alias("cuMemAlloc_v2", "cuMemAlloc")
        .alias("cuEventDestroy_v2", "cuEventElapsedTime")) {
      CudaDriver bound = both.driver();
      both.forget();
      bound.cuMemFree(bound.cuMemAlloc(16));
      bound.cuEventElapsedTime(bound.cuEventCreate(0), bound.cuEventCreate(0));

      assertEquals(List.of("cuMemAlloc_v2", "cuMemFree_v2", "cuEventCreate", "cuEventCreate",
          "cuEventElapsedTime_v2"), both.names());
    }
  }

  @Test
  void theOldTimingFunction_servesWhereTheNewOneIsMissing() {
    try (FakeCuda old = new FakeCuda().alias("cuEventElapsedTime_v2", "cuEventElapsedTime")
        .without("cuEventElapsedTime_v2")) {
      CudaDriver bound = old.driver();

      assertEquals(1.5f, bound.cuEventElapsedTime(bound.cuEventCreate(0), bound.cuEventCreate(0)));
    }
  }

  /** A plain name is another function, of 32-bit sizes: it must not be taken instead. */
  @Test
  void aMissingSymbol_isNamed_withTheDriverThatHasIt() {
    try (FakeCuda old = new FakeCuda().alias("cuMemAlloc_v2", "cuMemAlloc")
        .without("cuMemAlloc_v2")) {
      assertRefused(InputException.class, old::driver, "cuMemAlloc_v2", "12.4", "update");
    }
    try (FakeCuda old = new FakeCuda().without("cuGraphInstantiateWithFlags")) {
      assertRefused(InputException.class, old::driver, "cuGraphInstantiateWithFlags", "550");
    }
  }

  @Test
  void memoryAlreadyFreed_isAnError_notACall() {
    MemorySegment gone;
    try (Arena other = Arena.ofConfined()) {
      gone = other.allocate(8);
    }
    fake.forget();

    assertThrows(IllegalStateException.class, () -> driver.cuModuleLoadData(gone));
    assertEquals(List.of(), fake.names());
  }
}

package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backends;
import io.pariskv.backend.OrderedBackends;
import io.pariskv.backend.Step;
import io.pariskv.backend.Stopwatch;
import io.pariskv.error.InputException;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;

/** Opening, refusing, memory and steps of the backend, on the fake GPU. */
class CudaBackendTest {
  private static final KernelImage IMAGE = new KernelImage(new byte[64], 13_000);

  private final FakeCuda fake = new FakeCuda();

  @AfterEach
  void nothingLeaks() {
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private CudaBackend open() {
    return new CudaBackend(fake.driver(), IMAGE);
  }

  private @Nullable String unusable(@Nullable KernelImage image) {
    return CudaRefusal.unusable(fake::driver, image);
  }

  private static void assertSays(@Nullable String reason, String... parts) {
    String text = Objects.requireNonNullElse(reason, "");
    for (String part : parts) {
      assertTrue(text.contains(part), () -> "no '" + part + "' in: " + text);
    }
    assertFalse(text.contains("\n"), text);
  }

  @Test
  void aGpuThatWorks_isUsable_andOpensNothingToFindOut() {
    assertNull(unusable(IMAGE));
    assertEquals(0, fake.count("cuDevicePrimaryCtxRetain"));
  }

  @Test
  void whatCannotBeUsed_saysWhy() {
    assertSays(unusable(null), "built without CUDA kernels", "nvcc");
    fake.device().version = 12_080;
    assertSays(unusable(IMAGE), "CUDA 12.8", "13.0", "update the driver");
    assertRefused(InputException.class, this::open, "12.8");
    fake.device().major = 7;
    assertSays(unusable(IMAGE), "Fake GPU", "compute capability 7.0", "8.0");
    fake.fail("cuDeviceGetCount", 803);
    assertSays(unusable(IMAGE), "803", "driver is too old");
    fake.device().devices = 0;
    assertSays(unusable(IMAGE), "cuInit", "100", "nvidia-smi");
    assertSays(CudaRefusal.unusable(() -> {
      throw new IllegalCallerException("not enabled for the unnamed module");
    }, IMAGE), "--enable-native-access=ALL-UNNAMED", "unnamed module");
    try (FakeCuda old = new FakeCuda().without("cuFuncGetParamInfo")) {
      assertSays(CudaRefusal.unusable(old::driver, IMAGE), "cuFuncGetParamInfo", "12.4");
    }
  }

  /** Who installs a driver or finds a GPU must not meet the next reason only then. */
  @Test
  void buildWithoutKernels_isSaidBesideWhateverComesFirst() {
    String kernels = "; also built without CUDA kernels; build where nvcc is on the PATH";
    fake.device().major = 7;
    assertSays(unusable(null), "compute capability 7.0", kernels);
    fake.device().devices = 0;
    assertSays(unusable(null), "cuInit", "nvidia-smi", kernels);
    assertSays(CudaRefusal.unusable(() -> {
      throw new InputException("libcuda.so.1 was not found");
    }, null), "libcuda.so.1 was not found" + kernels);
    assertSays(CudaRefusal.unusable(() -> {
      throw new IllegalCallerException("not enabled");
    }, null), "--enable-native-access", kernels);
  }

  /** Full, held by another program alone, a driver without the kernels' PTX, and one that adds wrongly. */
  @Test
  void aGpuThatFailsInOpening_isPassedOverByAuto_withTheReason_andRefusedByName() {
    FakeDriver device = fake.device();
    assertPassedOver(() -> fake.fail("cuDevicePrimaryCtxRetain", 2), "cuDevicePrimaryCtxRetain",
        "end other programs on this GPU");
    assertPassedOver(() -> fake.fail("cuDevicePrimaryCtxRetain", 46), "46", "holds it alone");
    assertPassedOver(() -> fake.fail("cuModuleLoadData", 222), "222", "update it");
    assertPassedOver(() -> fake.fail("cuMemAlloc_v2", 2), "GPU", "end other programs on this GPU");
    device.kernel("smoke_add", new int[]{8, 8, 8, 4, 4}, arguments -> {
    });
    assertPassedOver(() -> {
    }, "Fake GPU", "adds wrongly");
  }

  private void assertPassedOver(Runnable failing, String... parts) {
    failing.run();
    OrderedBackends order = new OrderedBackends("cuda", () -> unusable(IMAGE), this::open);
    Backends.Choice choice = order.choose("auto");
    assertEquals("scalar", choice.backend().name());
    assertEquals("cuda", choice.refused().getFirst().name());
    assertSays(choice.refused().getFirst().unusable(), parts);
    choice.backend().close();

    failing.run();
    List<Backends.Attempt> attempts = order.attempts();
    assertSays(attempts.getFirst().candidate().unusable(), parts);
    assertNull(attempts.getFirst().backend());
    assertNull(attempts.getLast().candidate().unusable());

    failing.run();
    InputException refusal = assertThrows(InputException.class, () -> order.choose("cuda"));
    assertSays(refusal.getMessage(), parts);
    assertSays(refusal.getMessage(), "backend cuda cannot be used: ");
    assertTrue(refusal.getCause() != null);
  }

  @Test
  void thisMachine_isJudgedWithoutAnException() {
    String reason = CudaBackend.unusable();

    assertTrue(reason == null || !reason.isBlank(), reason);
  }

  @Test
  void opening_testsTheGpu_andRefusesOneThatAddsWrongly() {
    try (CudaBackend backend = open()) {
      assertEquals("cuda", backend.name());
      assertSays(backend.description(), "Fake GPU", "80.0 GiB");
      assertEquals(1L << 32, backend.available().gpuBytes());
      assertEquals(1, fake.launches());
    }
    fake.device().kernel("smoke_add", new int[]{8, 8, 8, 4, 4}, arguments -> {
    });
    assertRefused(IllegalStateException.class, this::open, "Fake GPU", "adds wrongly",
        "element 0 is 0.0 instead of 0.3");
  }

  /** Whichever call fails, what was opened before it is closed again. */
  @Test
  void openingThatFailsAnywhere_leavesNothing() {
    open().close();
    List<String> called = fake.names().stream().distinct()
        .filter(name -> !name.matches("cu(Get.*|.*Destroy.*|.*Free.*|.*Unload|.*Release.*)"))
        .filter(name -> !name.equals("cuFuncGetParamInfo")).toList();
    assertTrue(called.size() > 20, called::toString);
    for (String call : called) {
      fake.fail(call, 999);
      assertThrows(CudaException.class, this::open, call);
      assertEquals("", fake.device().leaks(), call);
    }
  }

  @Test
  void uploadAndDownload_copyAnySize_andCheckIt() {
    try (CudaBackend backend = open();
        Allocator memory = backend.newAllocator();
        Allocator pinned = backend.newPinnedAllocator()) {
      Buffer buffer = memory.allocate(DType.I32, 3);
      backend.upload(MemorySegment.ofArray(new int[]{1, 2, 3}), buffer);
      int[] back = new int[3];
      backend.download(buffer, MemorySegment.ofArray(back));
      assertArrayEquals(new int[]{1, 2, 3}, back);

      Buffer host = pinned.allocate(DType.I32, 3);
      backend.upload(MemorySegment.ofArray(new int[]{4, 5, 6}), host);
      backend.download(host, MemorySegment.ofArray(back));
      assertArrayEquals(new int[]{4, 5, 6}, back);
      assertEquals(5, host.segment().getAtIndex(ValueLayout.JAVA_INT, 1));

      assertRefused(IllegalArgumentException.class,
          () -> backend.upload(MemorySegment.ofArray(new int[2]), buffer), "8", "12");
      assertRefused(IllegalArgumentException.class,
          () -> backend.download(buffer, MemorySegment.ofArray(new int[4])), "12", "16");
      assertSame(buffer, backend.place(buffer, memory));
      assertSame(host, backend.place(host, memory));
    }
  }

  @Test
  void place_copiesHostMemory_keepingItsShape() {
    try (CudaBackend backend = open();
        Allocator memory = backend.newAllocator();
        HostAllocator host = new HostAllocator()) {
      Buffer weights = host.allocate(DType.I32, 2, 3);
      weights.segment().setAtIndex(ValueLayout.JAVA_INT, 5, 42);

      Buffer placed = backend.place(weights, memory);

      assertEquals(Buffer.Placement.DEVICE, placed.placement());
      assertEquals("[2][3] i32", placed.toString());
      int[] back = new int[6];
      backend.download(placed, MemorySegment.ofArray(back));
      assertArrayEquals(new int[]{0, 0, 0, 0, 0, 42}, back);
      assertRefused(IllegalArgumentException.class,
          () -> backend.upload(MemorySegment.ofArray(back), weights), "pageable");
    }
  }

  @Test
  void aStep_runsDirectly_thenAsAGraph_eachTimeOnce() {
    fake.device().kernel("increment", new int[]{8}, arguments -> {
      var value = arguments.memory(0, 4);
      value.set(ValueLayout.JAVA_INT, 0, value.get(ValueLayout.JAVA_INT, 0) + 1);
    });
    try (CudaBackend backend = open(); Allocator memory = backend.newAllocator()) {
      Buffer counter = memory.allocate(DType.I32, 1);
      CudaFunction increment = backend.kernels().function("increment");
      Step step = backend.record(() -> backend.kernels().launch().arg(counter).run(increment));
      int[] value = new int[1];
      fake.forget();
      for (int run = 1; run <= 5; run++) {
        step.run();
        backend.download(counter, MemorySegment.ofArray(value));
        assertEquals(run, value[0]);
      }

      assertEquals(2, fake.launches()); // the first run, and the capture
      assertEquals(1, fake.count("cuStreamBeginCapture_v2"));
      assertEquals(4, fake.count("cuGraphLaunch"));
      step.close();
      step.close();
      assertEquals(1, fake.count("cuGraphExecDestroy"));
      assertRefused(IllegalStateException.class, step::run, "closed");
    }
  }

  @Test
  void aStep_cannotMoveNumbersBetweenHostAndGpu_notEvenInItsFirstRun() {
    try (CudaBackend backend = open(); Allocator memory = backend.newAllocator()) {
      Buffer buffer = memory.allocate(DType.I32, 1);
      MemorySegment host = MemorySegment.ofArray(new int[1]);
      assertRefused(IllegalStateException.class,
          () -> backend.record(() -> backend.upload(host, buffer)).run(), "upload", "recorded");
      assertRefused(IllegalStateException.class,
          () -> backend.record(() -> backend.download(buffer, host)).run(), "download");
      backend.record(() -> memory.allocate(DType.U8, 9)).run(); // scratch of a first run
      backend.upload(host, buffer);
    }
  }

  @Test
  void aStopwatch_isTwoTimedEvents_whichTheHostWaitsForOnlyToReadIt() {
    try (CudaBackend backend = open()) {
      fake.forget();
      Stopwatch stopwatch = backend.newStopwatch();
      stopwatch.start();
      stopwatch.stop();
      assertEquals(List.of("cuEventCreate", "cuEventCreate", "cuEventRecord", "cuEventRecord"),
          fake.names());
      assertEquals(1.5, stopwatch.milliseconds());
      assertEquals(1, fake.count("cuEventSynchronize"));
      assertRefused(IllegalStateException.class, () -> backend.record(stopwatch::start).run(),
          "stopwatch", "recorded");
      stopwatch.close();
      assertEquals(2, fake.count("cuEventDestroy_v2"));
      backend.newStopwatch(); // closed with the backend
    }
  }

  @Test
  void closingTheBackend_freesWhatItsUsersLeftOpen() {
    CudaBackend backend = open();
    Allocator memory = backend.newAllocator();
    memory.allocate(DType.U8, 100);
    backend.newPinnedAllocator();
    backend.close();
    backend.close();

    assertRefused(IllegalStateException.class, () -> memory.allocate(DType.U8, 1), "closed");
    assertRefused(IllegalStateException.class, backend::newAllocator, "closed");
    assertRefused(IllegalStateException.class, backend::available, "closed");
  }
}

package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.error.InputException;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Arguments reach the kernel as they were given, in their own bytes. */
@Isolated("sets a system property that kernels are opened by")
class KernelLaunchTest {
  private final FakeCuda fake = new FakeCuda();
  private final CudaContext context = fake.context();
  private final CudaStream stream = CudaStream.open(context);
  private final CudaModule module = CudaModule.load(context,
      new KernelImage(new byte[8], 13_000));
  private final Kernels kernels = new Kernels(module, stream, StagingRing.open(stream));
  private final List<String> seen = new ArrayList<>();

  KernelLaunchTest() {
    fake.device().kernel("mixed", new int[]{8, 4, 4, 8}, arguments -> seen
        .add(Long.toHexString(arguments.pointer(0)) + " " + arguments.integer(1) + " "
            + arguments.number(2) + " " + arguments.pointer(3) + " " + arguments.grid()));
  }

  @AfterEach
  void nothingLeaks() {
    context.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  @Test
  void arguments_gridAndStream_arriveInOrder() {
    try (Allocator memory = new DeviceAllocator(stream)) {
      Buffer rows = memory.allocate(DType.F32, 4, 8);
      CudaFunction mixed = kernels.function("mixed");
      fake.forget();

      kernels.launch().grid(5, 6, 7).block(128).shared(256)
          .arg(rows.slice(1, 2)).arg(-3).arg(0.5f).arg(-4_000_000_000L).run(mixed);

      FakeCuda.Call launch = fake.calls().getLast();
      assertEquals("cuLaunchKernel", launch.function());
      assertEquals(List.of(mixed.handle(), 5, 6, 7, 128, 1, 1, 256, stream.handle()),
          launch.arguments().subList(0, 9));
      assertEquals(0L, launch.arguments().get(10));
      stream.synchronize();
      assertEquals(List.of(Long.toHexString(rows.address() + 32) + " -3 0.5 -4000000000"
          + " [5, 6, 7, 128]"), seen);
    }
  }

  @Test
  void theBlock_isUsedAgain_withoutWhatALaunchBeforeLeft() {
    CudaFunction mixed = kernels.function("mixed");
    kernels.launch().grid(9).block(64).shared(512).arg(1L).arg(2); // given up half-way
    kernels.launch().arg(1L).arg(2).arg(3f).arg(4L).run(mixed);
    Object parameters = fake.calls().getLast().arguments().get(9);
    kernels.launch().grid(2).arg(5L).arg(6).arg(7f).arg(8L).run(mixed);

    assertEquals(parameters, fake.calls().getLast().arguments().get(9));
    stream.synchronize();
    assertEquals(List.of("1 2 3.0 4 [1, 1, 1, 1]", "5 6 7.0 8 [2, 1, 1, 1]"), seen);
  }

  private void overlapped(CudaFunction mixed) {
    kernels.launch().grid(5, 6, 7).block(128).shared(256).overlapped().arg(1L).arg(2).arg(3f)
        .arg(4L).run(mixed);
  }

  @Test
  void anOverlappedKernel_isLaunchedSo_behindAnotherThatIs() {
    CudaFunction mixed = kernels.function("mixed");
    overlapped(mixed); // the first has none before it
    fake.forget();

    overlapped(mixed);
    kernels.launch().arg(5L).arg(6).arg(7f).arg(8L).run(mixed);
    overlapped(mixed);

    assertEquals(List.of("cuLaunchKernelEx", "cuLaunchKernel", "cuLaunchKernel"), fake.names());
    stream.synchronize();
    assertEquals(List.of("1 2 3.0 4 [5, 6, 7, 128]", "1 2 3.0 4 [5, 6, 7, 128]",
        "5 6 7.0 8 [1, 1, 1, 1]", "1 2 3.0 4 [5, 6, 7, 128]"), seen);
  }

  @Test
  void anOverlappedKernel_waitsForTheEndOfWhatIsNoKernel() {
    CudaFunction mixed = kernels.function("mixed");
    try (Allocator memory = new DeviceAllocator(stream);
        CudaEvent event = CudaEvent.open(context)) {
      Buffer buffer = memory.allocate(DType.U8, 64);
      for (Runnable other : List.<Runnable>of(() -> stream.fill(buffer.address(), (byte) 1, 64),
          () -> stream.copy(buffer.address(), buffer.address() + 32, 32),
          () -> kernels.ring().upload(MemorySegment.ofArray(new byte[64]), buffer.address()),
          () -> kernels.ring().download(buffer.address(), MemorySegment.ofArray(new byte[64])),
          () -> event.record(stream), () -> stream.waitFor(event))) {
        overlapped(mixed);
        other.run();
        fake.forget();

        overlapped(mixed);
        overlapped(mixed);

        assertEquals(List.of("cuLaunchKernel", "cuLaunchKernelEx"), fake.names());
      }
    }
  }

  /** The first kernel of a graph has no kernel before it, whatever the stream had. */
  @Test
  void overlappedKernels_areCaptured_andAGraphEndsThem() {
    CudaFunction mixed = kernels.function("mixed");
    overlapped(mixed);
    fake.forget();
    try (CudaGraph graph = CudaGraph.capture(stream, () -> {
      overlapped(mixed);
      overlapped(mixed);
    })) {
      overlapped(mixed);
      graph.launch();
      overlapped(mixed);
    }

    assertEquals(List.of("cuLaunchKernel", "cuLaunchKernelEx", "cuLaunchKernel", "cuLaunchKernel"),
        fake.names().stream().filter(name -> name.startsWith("cuLaunchKernel")).toList());
  }

  /**
   * Code of an older architecture has no instruction to wait with, nor has what the driver compiled from its PTX for a
   * newer GPU.
   */
  @ParameterizedTest
  @CsvSource({"80, 80, 0", "80, 90, 0", "80, 100, 0", "80, 120, 0", "0, 90, 0", "90, 90, 1",
      "90, 100, 1", "100, 100, 1"})
  void codeThatCannotWait_isNotOverlapped(int ptx, int binary, int expected) {
    fake.device().ptxVersion = ptx;
    fake.device().binaryVersion = binary;
    CudaFunction mixed = kernels.function("mixed");
    overlapped(mixed);
    overlapped(mixed);

    assertEquals(expected, fake.count("cuLaunchKernelEx"));
  }

  @Test
  void overlap_canBeTurnedOff_andNothingElse() {
    CudaFunction mixed = kernels.function("mixed");
    String before = System.getProperty(Kernels.OVERLAP);
    try {
      System.setProperty(Kernels.OVERLAP, "false");
      Kernels apart = new Kernels(module, stream, kernels.ring());
      apart.launch().overlapped().arg(1L).arg(2).arg(3f).arg(4L).run(mixed);
      apart.launch().overlapped().arg(1L).arg(2).arg(3f).arg(4L).run(mixed);
      assertEquals(0, fake.count("cuLaunchKernelEx"));

      System.setProperty(Kernels.OVERLAP, "off");
      assertRefused(InputException.class, () -> new Kernels(module, stream, kernels.ring()),
          "pariskv.overlap=off", "true or false");
    } finally {
      if (before == null) {
        System.clearProperty(Kernels.OVERLAP);
      } else {
        System.setProperty(Kernels.OVERLAP, before);
      }
    }
  }

  @Test
  void argumentsThatAreNotTheKernels_areRefused() {
    CudaFunction mixed = kernels.function("mixed");
    fake.forget();

    assertRefused(IllegalArgumentException.class,
        () -> kernels.launch().arg(1L).arg(2).arg(3f).run(mixed), "kernel mixed",
        "4 parameters of (8, 4, 4, 8)", "3 parameters of (8, 4, 4)");
    assertRefused(IllegalArgumentException.class,
        () -> kernels.launch().arg(1L).arg(2L).arg(3f).arg(4L).run(mixed), "(8, 8, 4, 8)");
    assertEquals(List.of(), fake.names());
  }

  @Test
  void aKernelWithAStructParameter_isRefused_whenLookedUp() {
    fake.device().kernel("struct", new int[]{8, 24}, arguments -> {
    });

    assertRefused(IllegalArgumentException.class, () -> kernels.function("struct"), "struct",
        "parameter 1", "24 bytes");
  }

  @Test
  void impossibleGeometry_isRefused_namingIt() {
    CudaFunction mixed = kernels.function("mixed");

    assertRefused(IllegalArgumentException.class, () -> kernels.launch().grid(0).block(32)
        .arg(1L).arg(2).arg(3f).arg(4L).run(mixed), "kernel mixed", "grid 0 x 1 x 1");
    assertRefused(IllegalArgumentException.class, () -> kernels.launch().grid(1, 70_000)
        .arg(1L).arg(2).arg(3f).arg(4L).run(mixed), "70000");
    assertRefused(IllegalArgumentException.class, () -> kernels.launch().block(2048)
        .arg(1L).arg(2).arg(3f).arg(4L).run(mixed), "block 2048");
    fake.fail("cuLaunchKernel", 701);
    assertRefused(CudaException.class, () -> kernels.launch().grid(3).block(1024).shared(99)
        .arg(1L).arg(2).arg(3f).arg(4L).run(mixed), "kernel mixed with grid 3 x 1 x 1",
        "block 1024", "99 bytes", "701");
  }

  @Test
  void aHostBuffer_isRefused() {
    try (HostAllocator host = new HostAllocator()) {
      Buffer buffer = host.allocate(DType.F32, 3);

      assertRefused(IllegalArgumentException.class, () -> kernels.launch().arg(buffer), "[3] f32",
          "pageable");
    }
  }

  @Test
  void blocks_coverEveryElement() {
    assertEquals(1, KernelLaunch.blocks(1, 256));
    assertEquals(1, KernelLaunch.blocks(256, 256));
    assertEquals(2, KernelLaunch.blocks(257, 256));
    assertEquals(1 << 24, KernelLaunch.blocks(1L << 32, 256));
  }
}

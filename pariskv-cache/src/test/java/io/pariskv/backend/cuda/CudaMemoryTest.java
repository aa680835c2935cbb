package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Device and pinned memory: what is handed out, what is refused, and that nothing is left behind. */
class CudaMemoryTest {
  private static final long MIB = 1 << 20;

  private final FakeCuda fake = new FakeCuda();
  private final CudaContext context = fake.context();
  private final CudaStream stream = CudaStream.open(context);
  private final CountedPages pages = new CountedPages();

  /** Real pages, and how many are mapped. */
  private static final class CountedPages implements HostPages {
    private final HostPages system = new HostPages.Linux();
    private final List<MemorySegment> mapped = new ArrayList<>();

    @Override
    public MemorySegment map(long bytes) {
      MemorySegment memory = system.map(bytes);
      mapped.add(memory);
      return memory;
    }

    @Override
    public void unmap(MemorySegment memory) {
      assertTrue(mapped.remove(memory));
      system.unmap(memory);
    }
  }

  @AfterEach
  void nothingLeaks() {
    context.close();
    assertEquals("", fake.device().leaks());
    assertEquals(List.of(), pages.mapped);
    fake.close();
  }

  private PinnedAllocator pinned() {
    return new PinnedAllocator(context, pages, () -> 64 * MIB, 2 * MIB, 8 * MIB);
  }

  private static OutOfMemoryError assertOutOfMemory(
      Executable action, String... parts) {
    OutOfMemoryError error = assertThrows(OutOfMemoryError.class, action);
    String message = Objects.requireNonNullElse(error.getMessage(), "");
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "no '" + part + "' in: " + message);
    }
    return error;
  }

  @Test
  void deviceBuffers_areZero_alignedAndCounted() {
    try (DeviceAllocator memory = new DeviceAllocator(stream)) {
      List<Buffer> buffers = new ArrayList<>();
      for (DType dtype : DType.values()) {
        buffers.add(memory.allocate(dtype, 3, 5));
        buffers.add(memory.allocate(dtype, 1_000, 2_100)); // a block of its own
      }
      stream.synchronize();

      for (Buffer buffer : buffers) {
        assertEquals(Buffer.Placement.DEVICE, buffer.placement());
        assertEquals(0, buffer.address() % 256);
        assertEquals(-1, fake.device().memory(buffer.address(), buffer.byteSize())
            .mismatch(MemorySegment.ofArray(new byte[(int) buffer.byteSize()])));
      }
      assertEquals((15 + 2_100_000L) * (4 + 2 + 2 + 8 + 4 + 1), memory.allocatedBytes());
      assertEquals(1 + DType.values().length, fake.count("cuMemAlloc_v2"));
      assertEquals(0, memory.allocate(DType.F32, 0, 9).byteSize());
      assertThrows(IllegalStateException.class, () -> buffers.getFirst().segment());
    }
    assertEquals(fake.count("cuMemAlloc_v2"), fake.count("cuMemFree_v2"));
  }

  @Test
  void closing_waitsForTheGpu_thenFreesAll_evenIfTheWaitFails() {
    DeviceAllocator memory = new DeviceAllocator(stream);
    memory.allocate(DType.U8, 3 * MIB);
    memory.allocate(DType.U8, 3 * MIB);
    fake.forget();
    fake.fail("cuStreamSynchronize", 700);

    assertThrows(CudaException.class, memory::close);

    assertEquals(List.of("cuStreamSynchronize", "cuMemFree_v2", "cuMemFree_v2"),
        fake.names().stream().filter(name -> !name.startsWith("cuGetError")).toList());
    memory.close(); // twice does nothing
    assertRefused(IllegalStateException.class, () -> memory.allocate(DType.U8, 7), "closed",
        "[7] u8");
  }

  @Test
  void moreThanTheGpuHas_isOutOfMemory_withWhatIsFree_andNothingHalfDone() {
    try (DeviceAllocator memory = new DeviceAllocator(stream)) {
      fake.device().freeBytes = 3 * MIB;
      memory.allocate(DType.U8, MIB);

      OutOfMemoryError error = assertOutOfMemory(() -> memory.allocate(DType.F32, MIB),
          "[1048576] f32", "4.0 MiB asked", "3.0 MiB free of 80.0 GiB", "cuMemAlloc failed with 2",
          "--context");

      assertTrue(error.getCause() instanceof CudaException);
      assertEquals(MIB, memory.allocatedBytes());
      memory.allocate(DType.U8, MIB);
      fake.fail("cuMemAlloc_v2", 700);
      assertRefused(CudaException.class, () -> memory.allocate(DType.U8, MIB), "[1048576] u8",
          "700");
    }
  }

  @Test
  void allocation_fromManyThreads_makesTheContextCurrent_andCountsEveryByte() {
    try (DeviceAllocator memory = new DeviceAllocator(stream); PinnedAllocator host = pinned()) {
      IntStream.range(0, 200).parallel().forEach(i -> {
        memory.allocate(DType.U8, 10);
        host.allocate(DType.U8, 10);
      });

      assertEquals(2_000, memory.allocatedBytes());
      assertEquals(2_000, host.allocatedBytes());
    }
  }

  @Test
  void pinnedBuffers_areRealMemory_zeroAlignedAndWithinSlabs() {
    PinnedAllocator memory = pinned();
    Buffer first = memory.allocate(DType.I32, 100);
    Buffer second = memory.allocate(DType.U8, 2 * MIB - 512);
    Buffer third = memory.allocate(DType.U8, 3 * MIB); // more than is left of the first slab
    Buffer fourth = memory.allocate(DType.U8, 11 * MIB); // more than a slab
    assertEquals(0, memory.allocate(DType.F32, 0, 9).byteSize());
    for (Buffer buffer : List.of(first, second, third, fourth)) {
      assertEquals(Buffer.Placement.PINNED, buffer.placement());
      assertEquals(0, buffer.address() % 256);
      assertEquals(-1, buffer.segment()
          .mismatch(MemorySegment.ofArray(new byte[(int) buffer.byteSize()])));
      buffer.segment().fill((byte) 1);
    }

    assertEquals(400 + 2 * MIB - 512 + 14 * MIB, memory.allocatedBytes());
    assertEquals(List.of(2 * MIB, 4 * MIB, 12 * MIB),
        pages.mapped.stream().map(MemorySegment::byteSize).toList());
    assertEquals(18 * MIB, memory.pinnedBytes());
    for (FakeCuda.Call call : fake.calls()) {
      if (call.function().equals("cuMemHostRegister_v2")) {
        assertEquals(0, (long) call.arguments().get(0) % (2 * MIB));
        assertEquals(3, call.arguments().get(2)); // portable, mapped for the device
      }
    }
    memory.close();
    memory.close();
    assertEquals(3, fake.count("cuMemHostUnregister"));
    assertEquals(List.of(), pages.mapped);
    assertThrows(IllegalStateException.class,
        () -> first.segment().get(ValueLayout.JAVA_INT, 0));
    assertRefused(IllegalStateException.class, () -> memory.allocate(DType.U8, 7), "closed");
  }

  @Test
  void refusedRegistration_unmaps_andNamesTheLimit() {
    try (PinnedAllocator memory = pinned()) {
      for (int code : new int[]{1, 2, 304, 800}) {
        fake.fail("cuMemHostRegister_v2", code);
        OutOfMemoryError error = assertOutOfMemory(() -> memory.allocate(DType.U8, 100),
            "[100] u8", "2.0 MiB cannot be locked", "cuMemHostRegister", code + " CUDA_ERROR",
            "ulimit -l");
        assertTrue(error.getCause() instanceof CudaException);
        assertEquals(List.of(), pages.mapped);
      }
      for (int code : new int[]{700, 712}) { // no want of memory
        fake.fail("cuMemHostRegister_v2", code);
        assertRefused(CudaException.class, () -> memory.allocate(DType.U8, 100), "" + code);
        assertEquals(List.of(), pages.mapped);
      }
      assertEquals(0, memory.allocatedBytes());
      assertEquals(100, memory.allocate(DType.U8, 100).byteSize()); // and goes on afterwards
    }
  }

  @Test
  void aSlabThatTheGpuSeesElsewhere_isRefused_unregisteredAndUnmapped() {
    try (PinnedAllocator memory = pinned()) {
      fake.device().deviceOffset = 4096;
      assertRefused(IllegalStateException.class, () -> memory.allocate(DType.U8, 100),
          "one address", "--offload off");
      fake.device().deviceOffset = 0;
      fake.fail("cuMemHostGetDevicePointer_v2", 1);
      assertThrows(OutOfMemoryError.class, () -> memory.allocate(DType.U8, 100));

      assertEquals(2, fake.count("cuMemHostUnregister"));
      assertEquals(List.of(), pages.mapped);
    }
  }

  @Test
  void unregistering_thatFails_stillUnmaps() {
    PinnedAllocator memory = pinned();
    memory.allocate(DType.U8, 2 * MIB);
    memory.allocate(DType.U8, 2 * MIB);
    fake.fail("cuMemHostUnregister", 700);

    assertRefused(CudaException.class, memory::close, "cuMemHostUnregister");

    assertEquals(List.of(), pages.mapped);
    assertEquals(2, fake.count("cuMemHostUnregister"));
    assertEquals("registration, Stream, 1 retains", fake.device().leaks());
    fake.device().forgetRegistrations();
  }

  @Test
  void moreThanTheHostHas_isRefusedBeforeAnythingIsMapped() {
    try (PinnedAllocator memory = pinned()) {
      assertOutOfMemory(() -> memory.allocate(DType.U8, 65 * MIB), "66.0 MiB is needed",
          "64.0 MiB of host memory", "--context");
      assertEquals(List.of(), pages.mapped);
    }
    assertOutOfMemory(() -> pages.map(1L << 55), "mmap", "errno");
  }

  @Test
  void roomThatAPlanLeaves_growsWithTheMachine() {
    assertEquals(5L << 30, CudaMemory.hostRoom(125L << 30));
    assertEquals(2L << 30, CudaMemory.hostRoom(8L << 30));
    assertEquals(640 * MIB, CudaMemory.gpuRoom(80L << 30));
    assertEquals(256 * MIB, CudaMemory.gpuRoom(8L << 30));
    AvailableMemory available = CudaMemory
        .available(new CudaDriver.MemoryInfo(3L << 30, 80L << 30));
    assertEquals(3L << 30, available.gpuBytes());
    assertEquals((3L << 30) - 640 * MIB, available.gpuForPlans());
  }
}

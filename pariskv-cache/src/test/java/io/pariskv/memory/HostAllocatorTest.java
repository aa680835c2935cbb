package io.pariskv.memory;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HostAllocatorTest {

  @Test
  void buffers_areZero_alignedAndCounted() {
    try (HostAllocator allocator = new HostAllocator()) {
      for (DType dtype : DType.values()) {
        Buffer buffer = allocator.allocate(dtype, 3, 5);
        assertEquals(15L * dtype.bytes(), buffer.byteSize());
        assertEquals(0, buffer.address() % 64);
        assertEquals(-1, buffer.segment().mismatch(
            MemorySegment.ofArray(new byte[15 * dtype.bytes()])));
      }
      assertEquals(15 * (4 + 2 + 2 + 8 + 4 + 1), allocator.allocatedBytes());
      assertEquals(0, allocator.allocate(DType.F32, 0, 9).byteSize());
    }
  }

  @Test
  void afterClose_buffersCannotBeTouched_andNoneAreMade() {
    HostAllocator allocator = new HostAllocator();
    Buffer buffer = allocator.allocate(DType.I32, 4);
    Buffer view = buffer.slice(1, 2);

    allocator.close();
    allocator.close(); // twice does nothing

    assertThrows(IllegalStateException.class,
        () -> buffer.segment().get(ValueLayout.JAVA_INT, 0));
    assertThrows(IllegalStateException.class, () -> view.segment().get(ValueLayout.JAVA_INT, 0));
    assertRefused(IllegalStateException.class, () -> allocator.allocate(DType.U8, 7), "closed",
        "[7] u8");
  }

  @Test
  void moreThanThereIs_isOutOfMemory_andNotCounted() {
    try (HostAllocator allocator = new HostAllocator()) {
      assertThrows(OutOfMemoryError.class, () -> allocator.allocate(DType.U8, 1L << 55));
      assertEquals(0, allocator.allocatedBytes());
    }
  }

  @Test
  void allocation_fromManyThreads_countsEveryByte() {
    try (HostAllocator allocator = new HostAllocator()) {
      IntStream.range(0, 200).parallel().forEach(i -> allocator.allocate(DType.U8, 10));

      assertEquals(2_000, allocator.allocatedBytes());
    }
  }
}

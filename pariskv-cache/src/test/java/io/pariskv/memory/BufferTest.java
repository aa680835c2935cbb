package io.pariskv.memory;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class BufferTest {

  private static Buffer counting(long... shape) {
    int[] values = new int[Math.toIntExact(Shape.of(shape).elements())];
    Arrays.setAll(values, i -> i);
    return Buffer.wrap(Buffer.Placement.HOST, DType.I32, Shape.of(shape),
        MemorySegment.ofArray(values));
  }

  private static int first(Buffer buffer) {
    return buffer.segment().get(ValueLayout.JAVA_INT, 0);
  }

  @Test
  void wrap_ofTheWrongSize_namesBothSizes() {
    assertRefused(IllegalArgumentException.class, () -> Buffer.wrap(Buffer.Placement.HOST,
        DType.BF16, Shape.of(2, 3), MemorySegment.ofArray(new byte[13])), "[2][3] bf16", "12",
        "13");
  }

  @Test
  void slice_isAViewOfOuterRows() {
    Buffer rows = counting(5, 2, 3);

    Buffer middle = rows.slice(1, 3);

    assertEquals("[2][2][3] i32", middle.toString());
    assertEquals(6, first(middle));
    middle.segment().set(ValueLayout.JAVA_INT, 0, 99);
    assertEquals(99, rows.segment().getAtIndex(ValueLayout.JAVA_INT, 6));
    assertEquals(0, rows.slice(5, 5).byteSize());
    assertEquals(0, counting(0, 4).slice(0, 0).byteSize());
  }

  @Test
  void slice_outsideTheAxis_isRefused() {
    Buffer rows = counting(5, 2);
    assertThrows(IndexOutOfBoundsException.class, () -> rows.slice(-1, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> rows.slice(3, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> rows.slice(0, 6));
  }

  @Test
  void reshape_keepsTheElements() {
    assertEquals("[10][3] i32", counting(5, 2, 3).reshape(10, 3).toString());
    assertRefused(IllegalArgumentException.class, () -> counting(5, 2).reshape(3, 3), "[5][2]",
        "[3][3]");
  }

  @Test
  void require_passesTheRightBuffer_andNamesBothShapesOtherwise() {
    Buffer buffer = counting(5, 2);

    assertSame(buffer, buffer.require("rows", DType.I32, 5, 2));
    for (long[] axes : new long[][]{{5}, {5, 3}, {2, 5}, {5, 2, 1}, {}}) {
      assertRefused(IllegalArgumentException.class, () -> buffer.require("rows", DType.I32, axes),
          "rows must be " + Shape.of(axes), "[5][2] i32");
    }
    assertRefused(IllegalArgumentException.class, () -> buffer.require("rows", DType.F32, 5, 2),
        "f32", "i32");
  }

  @Test
  void requireAtLeast_allowsALongerInnermostAxisOnly() {
    Buffer buffer = counting(5, 4);

    assertSame(buffer, buffer.requireAtLeast("rows", DType.I32, 5, 4));
    assertSame(buffer, buffer.requireAtLeast("rows", DType.I32, 5, 0));
    for (long[] axes : new long[][]{{5, 5}, {4, 4}, {20}, {1, 5, 4}}) {
      assertRefused(IllegalArgumentException.class,
          () -> buffer.requireAtLeast("rows", DType.I32, axes), "[5][4] i32");
    }
    assertRefused(IllegalArgumentException.class,
        () -> buffer.requireAtLeast("rows", DType.U8, 5, 4), "u8", "i32");
  }

  @Test
  void deviceMemory_isNotTouchedByTheHost() {
    Buffer device = Buffer.wrap(Buffer.Placement.DEVICE, DType.F32, Shape.of(4),
        MemorySegment.ofAddress(0x1000).reinterpret(16));

    assertEquals(0x1000, device.address());
    assertEquals(0x1008, device.slice(2, 3).address());
    assertRefused(IllegalStateException.class, device::segment, "device", "download");
  }
}

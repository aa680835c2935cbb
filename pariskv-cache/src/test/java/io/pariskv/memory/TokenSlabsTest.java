package io.pariskv.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class TokenSlabsTest {

  @Test
  void reserve_addsWholeSlabs_andNeverMovesWhatIsThere() {
    try (HostAllocator memory = new HostAllocator()) {
      TokenSlabs slabs = new TokenSlabs(memory, DType.I32, 2, 3);
      assertEquals(0, slabs.capacity());
      slabs.reserve(0);
      assertEquals(0, slabs.capacity());

      slabs.reserve(1);
      assertEquals(1024, slabs.capacity());
      long address = slabs.address(1, 7);
      slabs.reserve(1024);
      assertEquals(1024, slabs.capacity());
      slabs.reserve(1025);
      slabs.reserve(3);

      assertEquals(2048, slabs.capacity());
      assertEquals(address, slabs.address(1, 7));
      assertEquals(TokenSlabs.bytes(DType.I32, 2, 3, 1025), memory.allocatedBytes());
      assertEquals(2 * TokenSlabs.slabBytes(DType.I32, 2, 3), memory.allocatedBytes());
    }
  }

  @Test
  void rows_areDistinctAndWhereAddressSays() {
    try (HostAllocator memory = new HostAllocator()) {
      TokenSlabs slabs = new TokenSlabs(memory, DType.I32, 3, 2);
      slabs.reserve(2100);
      for (int row = 0; row < 3; row++) {
        for (int token = 0; token < slabs.capacity(); token++) {
          slabs.row(row, token).setAtIndex(ValueLayout.JAVA_INT, 0, row);
          slabs.row(row, token).setAtIndex(ValueLayout.JAVA_INT, 1, token);
        }
      }
      for (int row = 0; row < 3; row++) {
        for (int token = 0; token < slabs.capacity(); token += 1 + token / 9) {
          assertEquals(row, slabs.row(row, token).getAtIndex(ValueLayout.JAVA_INT, 0));
          assertEquals(token, slabs.row(row, token).getAtIndex(ValueLayout.JAVA_INT, 1));
          assertEquals(slabs.row(row, token).address(), slabs.address(row, token));
        }
      }
      assertThrows(IndexOutOfBoundsException.class, () -> slabs.row(0, slabs.capacity()));
      assertThrows(IndexOutOfBoundsException.class, () -> slabs.row(3, 0));
      assertThrows(IndexOutOfBoundsException.class,
          () -> slabs.row(0, 0).getAtIndex(ValueLayout.JAVA_INT, 2));
    }
  }

  @Test
  void bytes_countWholeSlabs_upToTheLargestContext() {
    assertEquals(0, TokenSlabs.bytes(DType.BF16, 8, 128, 0));
    assertEquals(2 << 20, TokenSlabs.bytes(DType.BF16, 8, 128, 1));
    assertEquals(4 << 20, TokenSlabs.bytes(DType.BF16, 8, 128, 1025));
    assertEquals(2L << 41, TokenSlabs.bytes(DType.BF16, 8, 128, Integer.MAX_VALUE));
  }
}

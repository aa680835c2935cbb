package io.pariskv.kv;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KvStoreTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";
  private static final KvShape SHAPE = new KvShape(2, 4, 2, 16, DType.BF16);

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void slots_areHandedOutUntilAllAreTaken_andComeBack(Backend backend) {
    try (KvStore kv = backend.newKvStore(SHAPE, 2)) {
      assertEquals(2, kv.slots());
      int first = kv.open();
      kv.open();
      assertRefused(IllegalStateException.class, kv::open, "all 2 sequences are open");

      kv.release(first);

      assertEquals(first, kv.open());
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void memory_growsBySlabs_andIsFreedOnRelease(Backend backend) {
    try (KvStore kv = backend.newKvStore(SHAPE, 2)) {
      long empty = kv.bytes();
      int slot = kv.open();
      assertEquals(0, kv.capacity(slot));
      kv.reserve(slot, 1);
      long beside = kv.bytes() - empty - SHAPE.bytes(1); // a second copy of some tokens
      assertTrue(beside >= 0, () -> "" + beside);
      kv.reserve(slot, 1025);
      kv.reserve(slot, 2048);
      kv.reserve(slot, 3);

      assertEquals(2048, kv.capacity(slot));
      assertEquals(empty + beside + SHAPE.bytes(1025), kv.bytes());

      kv.release(slot);
      assertEquals(empty, kv.bytes());
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void zones_areWhatWasSet_andEmptyForANewSequence(Backend backend) {
    try (Buffers buffers = new Buffers(backend); KvStore kv = backend.newKvStore(SHAPE, 2)) {
      kv.open();
      int slot = kv.open();
      kv.setZones(slot, new TokenZones(1, 2, 3));
      assertArrayEquals(new int[]{0, 0, 0, 1, 2, 3}, buffers.ints(kv.zones()));

      kv.release(slot);
      kv.open();

      assertArrayEquals(new int[6], buffers.ints(kv.zones()));
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void slotThatIsNotOpen_isRefused(Backend backend) {
    try (KvStore kv = backend.newKvStore(SHAPE, 2)) {
      int slot = kv.open();
      kv.release(slot);
      assertThrows(IllegalStateException.class, () -> kv.release(slot));
      assertThrows(IllegalStateException.class, () -> kv.reserve(slot, 1));
      assertThrows(IllegalStateException.class, () -> kv.capacity(slot));
    }
    assertRefused(IllegalArgumentException.class, () -> backend.newKvStore(SHAPE, 0), "slots 0");
  }
}

package io.pariskv.backend.host;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostKeyIndexTest {
  private static final KvShape SHAPE = new KvShape(2, 4, 2, 128, DType.BF16);

  @Test
  void keyOf128Numbers_takes112Bytes() {
    try (HostKeyIndex index = new HostKeyIndex(SHAPE, 1, Coarse.TIERS)) {
      assertEquals(16, index.subspaces());
      assertEquals(112, index.bytesPerKey());
      long empty = index.bytes();
      index.reserve(0, 1024);
      long populations = 2L * 2 * 16 * 256 * 4;
      assertEquals(empty + 2 * 2 * 112 * 1024 + populations, index.bytes());
      index.release(0);
      assertEquals(empty, index.bytes());
    }
  }

  @Test
  void keyOf128Numbers_withANormInsteadOfPopulations_takes114Bytes() {
    try (HostKeyIndex index = new HostKeyIndex(SHAPE, 1, Coarse.SCORES)) {
      assertEquals(114, index.bytesPerKey());
      long empty = index.bytes();
      index.reserve(0, 1024);
      long centresAndFloors = 2L * 2 * (128 * 4 + 4);
      assertEquals(empty + 2 * 2 * 114 * 1024 + centresAndFloors, index.bytes());
      assertRefused(IllegalStateException.class, () -> index.populations(0, 0), "SCORES",
          "TIERS");
      index.release(0);
      assertEquals(empty, index.bytes());
    }
  }

  @Test
  void keysNotReserved_areRefused() {
    try (HostKeyIndex index = new HostKeyIndex(SHAPE, 1, Coarse.TIERS)) {
      assertRefused(IllegalStateException.class, () -> index.populations(0, 0), "slot 0");
      assertRefused(IllegalStateException.class, () -> index.ids(0, 0), "slot 0");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 24, 80, 96, 512})
  void headSizesThatCannotBeSummarised_areRefused(int headDim) {
    assertRefused(IllegalArgumentException.class,
        () -> new HostKeyIndex(new KvShape(1, 1, 1, headDim, DType.F32), 1, Coarse.TIERS).close(),
        "" + headDim,
        "power of two from 16 to 256");
  }

  @Test
  void indexOfAnotherBackend_isRefused() {
    KeyIndex foreign = (KeyIndex) Proxy.newProxyInstance(getClass().getClassLoader(),
        new Class<?>[]{KeyIndex.class}, (proxy, method, arguments) -> null);
    assertRefused(IllegalArgumentException.class, () -> HostKeyIndex.of(foreign), "CPU stage",
        "create the index with the backend");
  }
}

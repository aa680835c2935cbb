package io.pariskv.kv;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.pariskv.backend.Backend;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("stages")
class KvAdvanceTest {

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void advance_givesTheNextPosition_andLeavesOtherSequencesAlone(Backend backend) {
    KvShape shape = new KvShape(1, 1, 1, 16, DType.BF16);
    try (Buffers buffers = new Buffers(backend); KvStore kv = backend.newKvStore(shape, 3)) {
      TokenZones[] zones = {TokenZones.dense(0), new TokenZones(4, 90, 100),
          TokenZones.dense(1023)};
      for (TokenZones each : zones) {
        int slot = kv.open();
        kv.reserve(slot, 1024);
        kv.setZones(slot, each);
      }
      Batch batch = new Batch(2, buffers.of(new int[]{2, 0}, 2), buffers.empty(DType.I32, 2));

      backend.attention().advance().advance(kv, batch);

      assertArrayEquals(new int[]{1023, 0}, buffers.ints(batch.positions()));
      assertArrayEquals(new int[]{0, 0, 1, 4, 90, 100, 0, 0, 1024}, buffers.ints(kv.zones()));

      backend.attention().advance().advance(kv, batch);

      assertArrayEquals(new int[]{1024, 1}, buffers.ints(batch.positions()));
    }
  }
}

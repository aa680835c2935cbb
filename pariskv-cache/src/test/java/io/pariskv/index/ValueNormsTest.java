package io.pariskv.index;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class ValueNormsTest {
  static Stream<Arguments> sizes() {
    return TestBackends.with(Size.all());
  }

  private static ZoneTable table(Backend backend, KvShape shape, int slots) {
    return backend.newZoneTable(shape, slots, DType.BF16, 1, 1);
  }

  private static short read(ZoneTable norms, int slot, int kvHead, int key) {
    return norms.read(Fixture.LAYER, slot, kvHead, key).get(ValueLayout.JAVA_SHORT_UNALIGNED, 0);
  }

  /** In two parts, as a zone grows. */
  @ParameterizedTest
  @MethodSource("sizes")
  void everyValue_hasItsLength(Backend backend, Size size) {
    try (Fixture fixture = new Fixture(backend, size);
        ZoneTable norms = table(backend, size.shape(0), size.rows())) {
      for (int row = 0; row < size.rows(); row++) {
        TokenZones zones = fixture.zones(row);
        int slot = fixture.slot(row);
        int part = zones.retrievalTokens() / 3;
        norms.reserve(slot, zones.retrievalTokens());
        backend.retrieval().valueNorms().update(fixture.kv(), Fixture.LAYER, slot, Fixture.SINK,
            new TokenZones(Fixture.SINK, Fixture.SINK + part, zones.length()), norms);
        backend.retrieval().valueNorms().update(fixture.kv(), Fixture.LAYER, slot,
            Fixture.SINK + part, zones, norms);
        for (int kvHead = 0; kvHead < size.kvHeads(); kvHead++) {
          for (int key = 0; key < zones.retrievalTokens(); key++) {
            float[] value = fixture.value(row, kvHead, Fixture.SINK + key);
            assertEquals(Bf16.fromFloat((float) Math.sqrt(squares(value, 0, 1))),
                read(norms, slot, kvHead, key), size::toString);
          }
        }
      }
    }
  }

  /** Of every {@code step}-th number from {@code from} on: halves of an array are those with even and odd places from behind. */
  private static float squares(float[] v, int from, int step) {
    if (step == v.length) {
      return v[from] * v[from];
    }
    return squares(v, from, 2 * step) + squares(v, from + step, 2 * step);
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void lengthsThatAreNotFinite_areTheLargest(Backend backend) {
    KvShape shape = new KvShape(2, 1, 1, 16, DType.F32);
    float[] first = {0, -3, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 1e30f,
        1e-30f, 1.003f};
    int count = first.length;
    float[] values = new float[count * 16];
    for (int i = 0; i < count; i++) {
      values[i * 16 + 5] = first[i];
    }
    try (KvStore kv = backend.newKvStore(shape, 1);
        ZoneTable norms = table(backend, shape, 1);
        Buffers buffers = new Buffers(backend)) {
      kv.open();
      kv.reserve(0, count);
      TokenZones zones = new TokenZones(0, count, count);
      kv.setZones(0, zones);
      backend.attention().append().append(kv, Fixture.LAYER,
          new Batch(count, buffers.of(new int[count], count),
              buffers.of(IntStream.range(0, count).toArray(), count)),
          buffers.of(values, count, 1, 16), buffers.of(values, count, 1, 16));
      norms.reserve(0, count);
      backend.retrieval().valueNorms().update(kv, Fixture.LAYER, 0, 0, zones, norms);
      float[] expected = {0, 3, ValueNorms.LARGEST, ValueNorms.LARGEST, ValueNorms.LARGEST,
          ValueNorms.LARGEST, 0, 1};
      for (int i = 0; i < count; i++) {
        assertEquals(expected[i], Bf16.toFloat(read(norms, 0, 0, i)), "value " + i);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void tablesAndHeadsThatDoNotFit_areRefused(Backend backend) {
    Size size = new Size(List.of(40), 2, 1, 32, DType.BF16, RandomKv.NORMAL);
    Size odd = size.withHeadDim(80);
    try (Fixture fixture = new Fixture(backend, size);
        Fixture uneven = new Fixture(backend, odd);
        ZoneTable wide = backend.newZoneTable(size.shape(0), 1, DType.BF16, 2, 1);
        ZoneTable norms = table(backend, odd.shape(0), 1);
        ZoneTable empty = table(backend, size.shape(0), 1)) {
      ValueNorms stage = backend.retrieval().valueNorms();
      assertRefused(IllegalArgumentException.class, () -> stage.update(fixture.kv(), Fixture.LAYER,
          0, Fixture.SINK, fixture.zones(0), wide), "1 bf16", "2 bf16");
      assertRefused(IllegalArgumentException.class, () -> stage.update(uneven.kv(), Fixture.LAYER,
          0, Fixture.SINK, uneven.zones(0), norms), "80", "power of two");
      assertRefused(RuntimeException.class, () -> stage.update(fixture.kv(), Fixture.LAYER, 0,
          Fixture.SINK, fixture.zones(0), empty), "slot 0", "reserve first");
    }
  }
}

package io.pariskv.kv;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Weights;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class KvAppendTest {
  private static final int LAYERS = 2;
  private static final int SLOTS = 3;

  /** Where a row belongs. */
  private record Place(int layer, int slot, int position) {
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void append_writesEachRowWhereItBelongs_roundedToTheStore(Backend backend) {
    check(backend, new KvShape(LAYERS, 1, 1, 16, DType.BF16));
    check(backend, new KvShape(LAYERS, 6, 3, 80, DType.F32));
    check(backend, new KvShape(LAYERS, 8, 8, 128, DType.BF16));
    check(backend, new KvShape(LAYERS, 14, 2, 24, DType.BF16));
  }

  private static void check(Backend backend, KvShape shape) {
    RandomGenerator random = Seeds.random(shape);
    int width = shape.kvHeads() * shape.headDim();
    try (Buffers buffers = new Buffers(backend); KvStore kv = backend.newKvStore(shape, SLOTS)) {
      for (int slot = 0; slot < SLOTS; slot++) {
        kv.reserve(kv.open(), 2100);
      }
      Map<Place, float[]> keys = new HashMap<>();
      Map<Place, float[]> values = new HashMap<>();
      int[][] positions = {{0}, {1, 2}, {1022, 1023, 1024, 1025}, {2047, 2048}};
      for (int[] chunk : positions) {
        for (int layer = 0; layer < LAYERS; layer++) {
          int rows = chunk.length;
          int slot = random.nextInt(SLOTS);
          float[] k = RandomKv.normal(random, rows * width);
          float[] v = RandomKv.normal(random, rows * width);
          int[] slots = new int[rows];
          for (int r = 0; r < rows; r++) {
            slots[r] = (slot + r) % SLOTS; // a batch of different sequences
            Place place = new Place(layer, slots[r], chunk[r]);
            keys.put(place, Arrays.copyOfRange(k, r * width, (r + 1) * width));
            values.put(place, Arrays.copyOfRange(v, r * width, (r + 1) * width));
          }
          backend.attention().append().append(kv, layer,
              new Batch(rows, buffers.of(slots, rows), buffers.of(chunk, rows)),
              buffers.of(k, rows, shape.kvHeads(), shape.headDim()),
              buffers.of(v, rows, shape.kvHeads(), shape.headDim()));
        }
      }
      HostKvStore store = HostKvStore.of(kv);
      for (int layer = 0; layer < LAYERS; layer++) {
        for (int slot = 0; slot < SLOTS; slot++) {
          compare(store.keys(layer, slot), keys, layer, slot);
          compare(store.values(layer, slot), values, layer, slot);
        }
      }
    }
  }

  /** Every token of a sequence: what was written to it, or zeros. */
  private static void compare(TokenSlabs slabs, Map<Place, float[]> written, int layer, int slot) {
    for (int position = 0; position < slabs.capacity(); position++) {
      float[] row = written.get(new Place(layer, slot, position));
      for (int i = 0; i < slabs.outer() * slabs.width(); i++) {
        float expected = row == null ? 0 : Weights.stored(row[i], slabs.dtype());
        var memory = slabs.row(i / slabs.width(), position);
        float actual = slabs.dtype() == DType.F32
            ? memory.getAtIndex(ValueLayout.JAVA_FLOAT, i % slabs.width())
            : Float.intBitsToFloat(
                memory.getAtIndex(ValueLayout.JAVA_SHORT, i % slabs.width()) << 16);
        if (expected != actual) {
          assertEquals(expected, actual, "layer " + layer + ", slot " + slot + ", position "
              + position + ", element " + i);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void append_ofAnotherShape_namesBothShapes(Backend backend) {
    KvShape shape = new KvShape(1, 4, 2, 16, DType.BF16);
    try (Buffers buffers = new Buffers(backend); KvStore kv = backend.newKvStore(shape, 1)) {
      kv.reserve(kv.open(), 8);
      Batch batch = new Batch(1, buffers.empty(DType.I32, 1), buffers.empty(DType.I32, 1));

      assertRefused(IllegalArgumentException.class,
          () -> backend.attention().append().append(kv, 0, batch,
              buffers.empty(DType.F32, 1, 4, 16),
              buffers.empty(DType.F32, 1, 2, 16)),
          "[1][2][16] f32", "[1][4][16] f32");
    }
  }
}

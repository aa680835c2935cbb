package io.pariskv.kv;

import static io.pariskv.testing.Refusal.assertRefused;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import io.pariskv.testing.Weights;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class KvAppendTest {
  private static final int LAYERS = 2;
  private static final int SLOTS = 3;
  private static final int TOKENS = 2100;

  static Stream<Arguments> shapes() {
    return TestBackends.with(Stream.of(new KvShape(LAYERS, 1, 1, 16, DType.BF16),
        new KvShape(LAYERS, 6, 3, 80, DType.F32), new KvShape(LAYERS, 8, 8, 128, DType.BF16),
        new KvShape(LAYERS, 14, 2, 24, DType.BF16), new KvShape(LAYERS, 2, 2, 20, DType.BF16)));
  }

  /** Where a row belongs. */
  private record Place(int layer, int slot, int position) {
  }

  /** A store of {@link #SLOTS} sequences and what was written to it. */
  private static final class Written implements AutoCloseable {
    final Backend backend;
    final KvShape shape;
    final RandomGenerator random;
    final Buffers buffers;
    final KvStore kv;
    final Map<Place, float[]> keys = new HashMap<>();
    final Map<Place, float[]> values = new HashMap<>();

    Written(Backend backend, KvShape shape) {
      this.backend = backend;
      this.shape = shape;
      this.random = Seeds.random(shape);
      this.buffers = new Buffers(backend);
      this.kv = backend.newKvStore(shape, SLOTS);
      for (int slot = 0; slot < SLOTS; slot++) {
        kv.reserve(kv.open(), TOKENS);
      }
    }

    /** New rows for {@code places}. */
    Buffer rows(Map<Place, float[]> written, Place... places) {
      int width = shape.kvHeads() * shape.headDim();
      float[] rows = RandomKv.normal(random, places.length * width);
      for (int r = 0; r < places.length; r++) {
        float[] row = Arrays.copyOfRange(rows, r * width, (r + 1) * width);
        for (int i = 0; i < width; i++) {
          row[i] = Weights.stored(row[i], shape.dtype());
        }
        written.put(places[r], row);
      }
      return buffers.of(rows, places.length, shape.kvHeads(), shape.headDim());
    }

    void append(int layer, int[] slots, int[] positions) {
      Place[] places = new Place[slots.length];
      Arrays.setAll(places, r -> new Place(layer, slots[r], positions[r]));
      backend.attention().append().append(kv, layer,
          new Batch(slots.length, buffers.of(slots, slots.length),
              buffers.of(positions, slots.length)),
          rows(keys, places), rows(values, places));
    }

    /** So many decode steps of sequences that are as long as {@code positions} say. */
    void steps(int[] slots, int[] positions, int count) {
      Batch batch = new Batch(slots.length, buffers.of(slots, slots.length),
          buffers.empty(DType.I32, slots.length));
      for (int i = 0; i < count; i++) {
        int step = i;
        backend.attention().advance().advance(kv, batch);
        for (int layer = 0; layer < LAYERS; layer++) {
          int in = layer;
          Place[] places = IntStream.range(0, slots.length)
              .mapToObj(r -> new Place(in, slots[r], positions[r] + step)).toArray(Place[]::new);
          backend.attention().append().append(kv, layer, batch, rows(keys, places),
              rows(values, places));
        }
      }
    }

    void chunk(int slot, int from, int to) {
      kv.setZones(slot, TokenZones.dense(to));
      for (int layer = 0; layer < LAYERS; layer++) {
        int in = layer;
        Place[] places = IntStream.range(from, to).mapToObj(p -> new Place(in, slot, p))
            .toArray(Place[]::new);
        backend.attention().append().appendChunk(kv, layer, slot, from, rows(keys, places),
            rows(values, places));
      }
      kv.setZones(slot, TokenZones.dense(to));
    }

    /** Rows that were written, their neighbours, the ends of slabs, and some others. */
    void check() {
      NavigableSet<Integer> positions = new TreeSet<>();
      for (int position : new int[]{0, 1023, 1024, 2047, 2048, TOKENS - 1}) {
        positions.add(position);
      }
      IntStream.range(0, 30).forEach(i -> positions.add(random.nextInt(TOKENS)));
      if (keys.size() < 100) {
        keys.keySet().forEach(place -> IntStream.rangeClosed(-2, 2).map(i -> place.position + i)
            .filter(p -> p >= 0 && p < TOKENS).forEach(positions::add));
      }
      int width = shape.kvHeads() * shape.headDim();
      float[] k = new float[width];
      float[] v = new float[width];
      float[] ks = new float[TOKENS * width];
      float[] vs = new float[TOKENS * width];
      for (int i = 0; i < LAYERS * SLOTS; i++) {
        kv.read(i % LAYERS, i / LAYERS, 1, TOKENS - 1, ks, vs);
        for (int position : positions) {
          Place place = new Place(i % LAYERS, i / LAYERS, position);
          kv.read(place.layer, place.slot, position, k, v);
          assertHas(place, k, v);
          if (position > 0) {
            int from = (position - 1) * width;
            assertHas(place, Arrays.copyOfRange(ks, from, from + width),
                Arrays.copyOfRange(vs, from, from + width));
          }
        }
      }
    }

    private void assertHas(Place place, float[] k, float[] v) {
      float[] none = new float[shape.kvHeads() * shape.headDim()];
      Tolerance.assertSameBits(keys.getOrDefault(place, none), k, () -> "key of " + place);
      Tolerance.assertSameBits(values.getOrDefault(place, none), v, () -> "value of " + place);
    }

    @Override
    public void close() {
      kv.close();
      buffers.close();
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void append_writesEachRowWhereItBelongs_roundedToTheStore(Backend backend, KvShape shape) {
    try (Written written = new Written(backend, shape)) {
      for (int slot = 0; slot < SLOTS; slot++) {
        written.kv.setZones(slot, TokenZones.dense(TOKENS));
      }
      int[][] positions = {{0}, {1, 2}, {1022, 1023, 1024, 1025}, {2047, 2048}};
      for (int[] rows : positions) {
        for (int layer = 0; layer < LAYERS; layer++) {
          int first = written.random.nextInt(SLOTS);
          int[] slots = new int[rows.length]; // a batch of different sequences
          Arrays.setAll(slots, r -> (first + r) % SLOTS);
          written.append(layer, slots, rows);
        }
      }
      written.check();
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void appendChunk_writesFollowingPositions_andWhatIsAppendedNextStays(Backend backend,
      KvShape shape) {
    try (Written written = new Written(backend, shape)) {
      written.chunk(1, 0, 3);
      written.chunk(2, 0, 1);
      written.chunk(1, 3, 1030);
      written.chunk(2, 1, 1024);
      written.chunk(1, 1030, 2090);
      for (int layer = 0; layer < LAYERS; layer++) {
        written.kv.setZones(1, TokenZones.dense(2091));
        written.kv.setZones(2, TokenZones.dense(1025));
        written.append(layer, new int[]{1, 2}, new int[]{2090, 1024});
      }
      written.check();
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void rowsOfSteps_stayWhereTheyBelong_howeverManyThereAreBeforeZonesAreSet(Backend backend,
      KvShape shape) {
    try (Written written = new Written(backend, shape)) {
      written.chunk(1, 0, 1022);
      written.chunk(0, 0, 126);
      written.steps(new int[]{1, 0}, new int[]{1022, 126}, 4);
      written.kv.setZones(1, TokenZones.dense(1026));
      written.steps(new int[]{1}, new int[]{1026}, 1);
      written.chunk(1, 1027, 1028);
      written.chunk(1, 1028, 2000);
      written.steps(new int[]{0, 1}, new int[]{130, 2000}, 3);
      written.check();
      written.steps(new int[]{2, 1}, new int[]{0, 2003}, 2);
      written.check();
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void rowsOfAnotherShape_areRefusedWithBothShapes(Backend backend) {
    KvShape shape = new KvShape(1, 4, 2, 16, DType.BF16);
    try (Buffers buffers = new Buffers(backend); KvStore kv = backend.newKvStore(shape, 1)) {
      kv.reserve(kv.open(), 8);
      Batch batch = new Batch(1, buffers.empty(DType.I32, 1), buffers.empty(DType.I32, 1));
      Buffer wrong = buffers.empty(DType.F32, 1, 4, 16);
      Buffer right = buffers.empty(DType.F32, 1, 2, 16);

      assertRefused(IllegalArgumentException.class,
          () -> backend.attention().append().append(kv, 0, batch, wrong, right),
          "[1][2][16] f32", "[1][4][16] f32");
      assertRefused(IllegalArgumentException.class,
          () -> backend.attention().append().appendChunk(kv, 0, 0, 0, right, wrong),
          "[1][2][16] f32", "[1][4][16] f32");
    }
  }
}

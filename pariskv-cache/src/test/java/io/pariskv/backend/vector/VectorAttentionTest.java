package io.pariskv.backend.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.backend.AttentionStages;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The attention stages give what the scalar backend gives. */
class VectorAttentionTest {
  private static final double TOLERANCE = 2e-5;
  private static final long SEED = 43;

  private final HostAllocator memory = new HostAllocator();
  private final Numbers numbers = new Numbers(memory, SEED);
  private final VectorBackend backend = new VectorBackend(3);
  private final AttentionStages vector = backend.attention();
  private final AttentionStages scalar = new ScalarBackend().attention();

  @AfterEach
  void close() {
    backend.close();
    memory.close();
  }

  /** A store with one open slot a length, filled with random rows, dense zones. */
  private HostKvStore store(KvShape shape, double deviation, int... lengths) {
    HostKvStore store = new HostKvStore(shape, lengths.length);
    for (int length : lengths) {
      int slot = store.open();
      store.reserve(slot, length);
      store.setZones(slot, TokenZones.dense(length));
      Buffer k = numbers.spread(deviation, length, shape.kvHeads(), shape.headDim());
      Buffer v = numbers.normal(length, shape.kvHeads(), shape.headDim());
      for (int layer = 0; layer < shape.layers(); layer++) {
        scalar.append().append(store, layer, batch(slot, 0, length), k, v);
      }
    }
    return store;
  }

  private Batch batch(int slot, int start, int rows) {
    int[] slots = new int[rows];
    Arrays.fill(slots, slot);
    return new Batch(rows, numbers.ints(slots),
        numbers.ints(IntStream.range(start, start + rows).toArray()));
  }

  private Batch everySlot(HostKvStore store) {
    return new Batch(store.slots(), numbers.ints(IntStream.range(0, store.slots()).toArray()),
        numbers.zeros(DType.I32, store.slots()));
  }

  private void assertDecodes(HostKvStore store, @Nullable Selection selection, double deviation,
      String what) {
    KvShape shape = store.shape();
    Batch batch = everySlot(store);
    Buffer q = numbers.spread(deviation, batch.rows(), shape.heads(), shape.headDim());
    for (int layer = 0; layer < shape.layers(); layer++) {
      Buffer expected = numbers.zeros(DType.F32, batch.rows(), shape.heads(), shape.headDim());
      Buffer actual = numbers.normal(batch.rows(), shape.heads(), shape.headDim());
      scalar.decode().attend(store, layer, batch, q, selection, expected);
      vector.decode().attend(store, layer, batch, q, selection, actual);
      Numbers.assertClose(expected, actual, TOLERANCE, what + ", layer " + layer);
    }
  }

  private void assertPrefills(HostKvStore store, int start, int rows, double deviation,
      String what) {
    KvShape shape = store.shape();
    Buffer q = numbers.spread(deviation, rows, shape.heads(), shape.headDim());
    for (int layer = 0; layer < shape.layers(); layer++) {
      Buffer expected = numbers.zeros(DType.F32, rows, shape.heads(), shape.headDim());
      Buffer actual = numbers.normal(rows, shape.heads(), shape.headDim());
      scalar.prefill().attend(store, layer, 0, start, q, expected);
      vector.prefill().attend(store, layer, 0, start, q, actual);
      Numbers.assertClose(expected, actual, TOLERANCE, what + ", layer " + layer);
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1,16", "2,2,64", "6,2,80", "8,2,128", "5,1,96", "6,1,32", "7,1,64", "3,1,128",
      "8,1,256", "14,2,40", "9,3,7"})
  void decode_overDenseZones_equalsScalar(int heads, int kvHeads, int headDim) {
    for (DType type : List.of(DType.F32, DType.BF16)) {
      try (HostKvStore store = store(new KvShape(1, heads, kvHeads, headDim, type), 1, 1, 2, 31,
          32, 33, 255, 1000, 2100)) {
        assertDecodes(store, null, 1, type.toString());
      }
    }
  }

  @Test
  void decode_withSlidingWindow_equalsScalar() {
    try (HostKvStore store = store(
        new KvShape(3, 4, 2, 32, DType.BF16, List.of(0, 100, 1)), 1, 50, 100, 101, 1300)) {
      store.setZones(3, new TokenZones(10, 1250, 1300));
      assertDecodes(store, null, 1, "windows");
    }
  }

  @Test
  void decode_withSelection_equalsScalar() {
    int[] lengths = {5, 300, 1100, 2500};
    KvShape shape = new KvShape(1, 8, 2, 64, DType.BF16);
    Random random = new Random(SEED);
    try (HostKvStore store = store(shape, 1, lengths)) {
      store.setZones(1, new TokenZones(4, 4, 300)); // an empty retrieval zone
      store.setZones(2, new TokenZones(4, 1000, 1100));
      store.setZones(3, new TokenZones(128, 2399, 2500));
      int capacity = 120;
      Buffer positions = numbers.zeros(DType.I32, lengths.length, shape.kvHeads(), capacity);
      int[] counts = {0, 0, 0, 0, 120, 0, 1, 77};
      for (int pair = 0; pair < counts.length; pair++) {
        int zone = store.zones(pair / 2).retrievalTokens();
        int[] chosen = random.ints(0, Math.max(1, zone)).distinct().limit(counts[pair]).sorted()
            .toArray();
        for (int i = 0; i < capacity; i++) {
          positions.segment().setAtIndex(ValueLayout.JAVA_INT, (long) pair * capacity + i,
              i < chosen.length ? chosen[i] : Integer.MAX_VALUE);
        }
      }
      Buffer flat = numbers.ints(counts).reshape(lengths.length, shape.kvHeads());

      assertDecodes(store, new Selection(positions, flat), 1, "selection");
      assertDecodes(store, null, 1, "no selection");
    }
  }

  @Test
  void decode_ofMoreSelectedThanTheZoneHas_isRefused() {
    try (HostKvStore store = store(new KvShape(1, 1, 1, 16, DType.F32), 1, 40)) {
      store.setZones(0, new TokenZones(4, 10, 40));
      Selection selection = new Selection(numbers.zeros(DType.I32, 1, 1, 20),
          numbers.ints(7).reshape(1, 1));

      assertThrows(IllegalArgumentException.class, () -> vector.decode().attend(store, 0,
          everySlot(store), numbers.normal(1, 1, 16), selection, numbers.normal(1, 1, 16)));
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1,16", "6,2,80", "8,2,128", "5,1,96", "6,1,32", "7,1,64", "8,1,256", "14,2,40",
      "4,4,48", "9,3,7"})
  void prefill_equalsScalar(int heads, int kvHeads, int headDim) {
    for (DType type : List.of(DType.F32, DType.BF16)) {
      try (HostKvStore store = store(new KvShape(1, heads, kvHeads, headDim, type), 1, 1200)) {
        assertPrefills(store, 0, 1, 1, "first row");
        assertPrefills(store, 0, 133, 1, "from the start");
        assertPrefills(store, 1000, 200, 1, "across a slab");
        assertPrefills(store, 900, 5, 1, "few rows");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1", "7", "128", "129", "500", "5000"})
  void prefill_withSlidingWindow_equalsScalar(int window) {
    KvShape shape = new KvShape(1, 6, 2, 32, DType.BF16, List.of(window));
    try (HostKvStore store = store(shape, 1, 1500)) {
      assertPrefills(store, 0, 300, 1, "from the start");
      assertPrefills(store, 900, 600, 1, "later");
    }
  }

  @ParameterizedTest
  @CsvSource({"4,2,F32", "8,2,BF16"})
  void hugeScores_putAllWeightOnOneKey_withoutOverflow(int heads, int kvHeads, DType type) {
    try (HostKvStore store = store(new KvShape(1, heads, kvHeads, 64, type), 1e4, 700)) {
      assertDecodes(store, null, 1e4, "decode");
      assertPrefills(store, 0, 700, 1e4, "prefill");
    }
  }

  @ParameterizedTest
  @CsvSource({"2,16,F32", "4,64,BF16"})
  void hugeScoresOfOneSign_doNotVanish(int heads, int headDim, DType type) {
    KvShape shape = new KvShape(1, heads, 1, headDim, type);
    try (HostKvStore store = store(shape, 1, 300)) {
      Buffer same = constant(-1e3f, 300, 1, headDim);
      Buffer v = numbers.normal(300, 1, headDim);
      scalar.append().append(store, 0, batch(0, 0, 300), same, v);
      Buffer q = constant(1e3f, 1, heads, headDim);
      Buffer expected = numbers.zeros(DType.F32, 1, heads, headDim);
      Buffer actual = numbers.zeros(DType.F32, 1, heads, headDim);

      scalar.decode().attend(store, 0, everySlot(store), q, null, expected);
      vector.decode().attend(store, 0, everySlot(store), q, null, actual);

      Numbers.assertClose(expected, actual, TOLERANCE, "equal scores of a large negative number");
    }
  }

  @Test
  void scoresThatAreInfinitelySmall_getNoWeight() {
    KvShape shape = new KvShape(1, 4, 1, 64, DType.BF16);
    try (HostKvStore store = store(shape, 1, 300)) {
      Buffer v = numbers.normal(299, 1, 64);
      scalar.append().append(store, 0, batch(0, 0, 299), constant(-3e38f, 299, 1, 64), v);
      Buffer q = constant(1e3f, 1, 4, 64);
      Buffer expected = numbers.zeros(DType.F32, 1, 4, 64);
      Buffer actual = numbers.zeros(DType.F32, 1, 4, 64);

      scalar.decode().attend(store, 0, everySlot(store), q, null, expected);
      vector.decode().attend(store, 0, everySlot(store), q, null, actual);

      Numbers.assertClose(expected, actual, TOLERANCE, "all but the last key infinitely far");
    }
  }

  private Buffer constant(float value, long... shape) {
    Buffer buffer = numbers.zeros(DType.F32, shape);
    for (long i = 0; i < buffer.shape().elements(); i++) {
      Numbers.set(buffer, i, value);
    }
    return buffer;
  }

  @Test
  void append_equalsScalar_bitForBit() {
    KvShape shape = new KvShape(2, 4, 2, 37, DType.BF16);
    for (DType type : List.of(DType.BF16, DType.F32)) {
      KvShape typed = new KvShape(2, 4, 2, 37, type);
      try (HostKvStore expected = new HostKvStore(typed, 1);
          HostKvStore actual = new HostKvStore(typed, 1)) {
        expected.reserve(expected.open(), 1030);
        actual.reserve(actual.open(), 1030);
        Buffer k = numbers.normal(30, shape.kvHeads(), shape.headDim());
        Buffer v = bitPatterns(30, shape.kvHeads(), shape.headDim());
        Batch batch = batch(0, 1000, 30);

        scalar.append().append(expected, 1, batch, k, v);
        vector.append().append(actual, 1, batch, k, v);

        for (int i = 0; i < 2; i++) {
          assertArrayEquals(bytes(expected.keys(1, 0).slab(i)), bytes(actual.keys(1, 0).slab(i)));
          assertArrayEquals(bytes(expected.values(1, 0).slab(i)),
              bytes(actual.values(1, 0).slab(i)));
        }
      }
    }
  }

  /** Any floats: also NaN, infinity, subnormal. */
  private Buffer bitPatterns(long... shape) {
    Random random = new Random(SEED);
    Buffer buffer = numbers.zeros(DType.F32, shape);
    for (long i = 0; i < buffer.shape().elements(); i++) {
      int bits = random.nextInt();
      int special = random.nextInt(4) == 0 ? 0x7f800000 | bits & 0x80ffffff : bits;
      buffer.segment().setAtIndex(ValueLayout.JAVA_INT, i, special);
    }
    return buffer;
  }

  private static byte[] bytes(Buffer buffer) {
    return buffer.segment().toArray(ValueLayout.JAVA_BYTE);
  }
}

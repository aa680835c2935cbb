package io.pariskv.attention;

import static io.pariskv.testing.Refusal.assertRefused;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
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
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.jspecify.annotations.Nullable;

@Seeded
@Tag("stages")
class QkvPreparationTest {
  private static final int LAYER = 1;
  private static final int SLOTS = 5;
  private static final int TOKENS = 2200;
  private static final float EPSILON = 1e-6f;

  /** Which heads are normalised. */
  enum Norms {
    NONE, BOTH, QUERIES, KEYS
  }

  record Case(int kvHeads, int group, int headDim, DType dtype, Norms norms) {
    KvShape shape() {
      return new KvShape(LAYER + 1, kvHeads * group, kvHeads, headDim, dtype, List.of(0, 2));
    }
  }

  static Stream<Arguments> cases() {
    DType bf16 = DType.BF16;
    DType f32 = DType.F32;
    return TestBackends.with(Stream.of(new Case(1, 1, 2, f32, Norms.BOTH),
        new Case(2, 7, 16, bf16, Norms.NONE), new Case(3, 1, 20, bf16, Norms.KEYS),
        new Case(1, 4, 66, f32, Norms.QUERIES), new Case(2, 2, 80, bf16, Norms.BOTH),
        new Case(8, 4, 128, bf16, Norms.BOTH), new Case(4, 7, 128, bf16, Norms.NONE),
        new Case(2, 4, 64, f32, Norms.NONE), new Case(1, 2, 256, f32, Norms.BOTH),
        new Case(1, 3, 330, bf16, Norms.BOTH)));
  }

  /** New rows and what is expected of them, in double. */
  private static final class Expected {
    final Case size;
    final int rows;
    final float[] q;
    final float[] k;
    final float[] v;
    final float @Nullable [] qNorm;
    final float @Nullable [] kNorm;
    final float[] angles;

    Expected(Case size, int rows, RandomGenerator random) {
      this.size = size;
      this.rows = rows;
      this.q = normal(random, rows * size.kvHeads * size.group);
      this.k = normal(random, rows * size.kvHeads);
      this.v = normal(random, rows * size.kvHeads);
      boolean both = size.norms == Norms.BOTH;
      this.qNorm = both || size.norms == Norms.QUERIES ? normal(random, 1) : null;
      this.kNorm = both || size.norms == Norms.KEYS ? normal(random, 1) : null;
      int half = size.headDim / 2;
      this.angles = new float[rows * size.headDim];
      for (int i = 0; i < rows * half; i++) {
        double angle = random.nextDouble(-100, 100);
        angles[i / half * size.headDim + i % half] = (float) Math.cos(angle);
        angles[i / half * size.headDim + half + i % half] = (float) Math.sin(angle);
      }
    }

    private float[] normal(RandomGenerator random, int heads) {
      return RandomKv.normal(random, heads * size.headDim);
    }

    HeadTurn turn(Buffers buffers) {
      return new HeadTurn(buffers.of(angles, rows, 2, size.headDim / 2),
          qNorm == null ? null : buffers.of(qNorm, size.headDim),
          kNorm == null ? null : buffers.of(kNorm, size.headDim), EPSILON);
    }

    Buffer buffer(Buffers buffers, float[] x) {
      return buffers.of(x, rows, x.length / rows / size.headDim, size.headDim);
    }

    /** Normalised and rotated. */
    double[] turned(float[] x, float @Nullable [] norm) {
      int width = size.headDim;
      int half = width / 2;
      double[] turned = new double[x.length];
      for (int head = 0; head < x.length / width; head++) {
        double squares = 0;
        for (int i = 0; i < width; i++) {
          squares += (double) x[head * width + i] * x[head * width + i];
        }
        double factor = 1 / Math.sqrt(squares / width + EPSILON);
        double[] scaled = new double[width];
        for (int i = 0; i < width; i++) {
          scaled[i] = norm == null ? x[head * width + i] : x[head * width + i] * factor * norm[i];
        }
        int table = head / (x.length / width / rows) * width;
        for (int i = 0; i < half; i++) {
          double cos = angles[table + i];
          double sin = angles[table + half + i];
          turned[head * width + i] = scaled[i] * cos - scaled[i + half] * sin;
          turned[head * width + half + i] = scaled[i + half] * cos + scaled[i] * sin;
        }
      }
      return turned;
    }

    /** Requires what a store holds of row {@code r} at a position. */
    void checkStored(KvStore kv, int slot, int position, int r) {
      int width = size.kvHeads * size.headDim;
      float[] storedK = new float[width];
      float[] storedV = new float[width];
      kv.read(LAYER, slot, position, storedK, storedV);
      double[] keys = Arrays.copyOfRange(turned(k, kNorm), r * width, (r + 1) * width);
      double rounding = size.dtype == DType.BF16 ? 0x1p-8 : 0;
      Tolerance.assertClose(keys, storedK,
          i -> 5e-6 * scale(keys) + rounding * Math.abs(keys[i]),
          () -> size + ", key of row " + r);
      float[] values = Arrays.copyOfRange(v, r * width, (r + 1) * width);
      for (int i = 0; i < width; i++) {
        values[i] = Weights.stored(values[i], size.dtype);
      }
      Tolerance.assertSameBits(values, storedV, () -> size + ", value of row " + r);
    }

    void checkQueries(float[] actual) {
      double[] queries = turned(q, qNorm);
      Tolerance.assertClose(queries, actual, 5e-6 * scale(queries), () -> size + ", queries");
    }

    private static double scale(double[] numbers) {
      return Arrays.stream(numbers).map(Math::abs).max().orElse(0);
    }
  }

  private static KvStore store(Backend backend, KvShape shape) {
    KvStore kv = backend.newKvStore(shape, SLOTS);
    for (int slot = 0; slot < SLOTS; slot++) {
      kv.reserve(kv.open(), TOKENS);
      kv.setZones(slot, TokenZones.dense(TOKENS));
    }
    return kv;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void prepare_turnsQueriesAndKeys_andStoresKeysAndValues(Backend backend, Case size) {
    int[][] positions = {{2050}, {0, 1024}, {1023, 127, 128, 2199, 1}};
    RandomGenerator random = Seeds.random(size);
    try (Buffers buffers = new Buffers(backend); KvStore kv = store(backend, size.shape())) {
      for (int[] rows : positions) {
        int count = rows.length;
        int[] slots = IntStream.range(0, count).map(r -> SLOTS - 1 - r).toArray();
        Expected expected = new Expected(size, count, random);
        Batch batch = new Batch(count, buffers.of(slots, count), buffers.of(rows, count));
        Buffer q = expected.buffer(buffers, expected.q);

        backend.attention().preparation().prepare(kv, LAYER, batch, expected.turn(buffers), q,
            expected.buffer(buffers, expected.k), expected.buffer(buffers, expected.v));

        expected.checkQueries(buffers.floats(q));
        for (int r = 0; r < count; r++) {
          expected.checkStored(kv, slots[r], rows[r], r);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void prepareChunk_doesTheSameForFollowingPositions(Backend backend, Case size) {
    RandomGenerator random = Seeds.random(size, "chunk");
    try (Buffers buffers = new Buffers(backend); KvStore kv = store(backend, size.shape())) {
      for (int[] chunk : new int[][]{{0, 1}, {1, 3}, {1020, 37}}) {
        Expected expected = new Expected(size, chunk[1], random);
        Buffer q = expected.buffer(buffers, expected.q);
        kv.setZones(1, TokenZones.dense(chunk[0] + chunk[1]));

        backend.attention().preparation().prepareChunk(kv, LAYER, 1, chunk[0],
            expected.turn(buffers), q, expected.buffer(buffers, expected.k),
            expected.buffer(buffers, expected.v));

        kv.setZones(1, TokenZones.dense(chunk[0] + chunk[1]));
        expected.checkQueries(buffers.floats(q));
        for (int r = 0; r < chunk[1]; r++) {
          expected.checkStored(kv, 1, chunk[0] + r, r);
        }
      }
    }
  }

  /** A backend that keeps the last tokens twice must have written both. */
  @ParameterizedTest
  @MethodSource("cases")
  void whatIsPrepared_isAttended(Backend backend, Case size) {
    RandomGenerator random = Seeds.random(size, "attended");
    KvShape shape = size.shape(); // the layer has a window of two
    int width = size.headDim;
    try (Buffers buffers = new Buffers(backend); KvStore kv = store(backend, shape)) {
      float[][] keys = new float[2][size.kvHeads * width];
      float[][] values = new float[2][size.kvHeads * width];
      float[] q = new float[0];
      Buffer out = buffers.empty(DType.F32, 1, shape.heads(), width);
      for (int t = 0; t < 2; t++) {
        int position = 2175 + t;
        kv.setZones(3, TokenZones.dense(position + 1));
        Expected expected = new Expected(size, 1, random);
        Batch batch = new Batch(1, buffers.of(new int[]{3}, 1),
            buffers.of(new int[]{position}, 1));
        Buffer queries = expected.buffer(buffers, expected.q);
        backend.attention().preparation().prepare(kv, LAYER, batch, expected.turn(buffers),
            queries, expected.buffer(buffers, expected.k), expected.buffer(buffers, expected.v));
        backend.attention().decode().attend(kv, LAYER, batch, queries, null, out);
        q = buffers.floats(queries);
        kv.read(LAYER, 3, position, keys[t], values[t]);
      }
      double[] expected = new double[q.length];
      for (int head = 0; head < shape.heads(); head++) {
        int of = head / size.group * width;
        double difference = 0;
        for (int i = 0; i < width; i++) {
          difference += (double) q[head * width + i] * ((double) keys[0][of + i] - keys[1][of + i]);
        }
        double first = 1 / (1 + Math.exp(-difference / Math.sqrt(width)));
        for (int i = 0; i < width; i++) {
          expected[head * width + i] = first * values[0][of + i] + (1 - first) * values[1][of + i];
        }
      }
      Tolerance.assertClose(expected, buffers.floats(out), 1e-4, size::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void rowsAndTablesOfAnotherShape_areRefusedWithBothShapes(Backend backend) {
    KvShape shape = new KvShape(1, 4, 2, 16, DType.BF16);
    try (Buffers buffers = new Buffers(backend); KvStore kv = backend.newKvStore(shape, 1)) {
      kv.reserve(kv.open(), 8);
      Batch batch = new Batch(1, buffers.empty(DType.I32, 1), buffers.empty(DType.I32, 1));
      Buffer q = buffers.empty(DType.F32, 1, 4, 16);
      Buffer kOrV = buffers.empty(DType.F32, 1, 2, 16);
      HeadTurn turn = HeadTurn.rotary(buffers.empty(DType.F32, 1, 2, 8));
      QkvPreparation stage = backend.attention().preparation();

      assertRefused(IllegalArgumentException.class,
          () -> stage.prepare(kv, 0, batch, turn, q, q, kOrV), "[1][2][16] f32", "[1][4][16] f32");
      assertRefused(IllegalArgumentException.class, () -> stage.prepareChunk(kv, 0, 0, 0,
          HeadTurn.rotary(buffers.empty(DType.F32, 1, 2, 16)), q, kOrV, kOrV), "[1][2][16] f32",
          "[1][2][8] f32");
      assertRefused(IllegalArgumentException.class,
          () -> stage.prepare(kv, 0, batch, new HeadTurn(turn.angles(),
              buffers.empty(DType.F32, 8), null, EPSILON), q, kOrV, kOrV),
          "[8] f32", "[16] f32");
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void headsThatCannotBePaired_areRefused(Backend backend) {
    KvShape shape = new KvShape(1, 1, 1, 15, DType.F32);
    try (Buffers buffers = new Buffers(backend); KvStore kv = backend.newKvStore(shape, 1)) {
      kv.reserve(kv.open(), 8);
      Buffer head = buffers.empty(DType.F32, 1, 1, 15);
      assertRefused(IllegalArgumentException.class,
          () -> backend.attention().preparation().prepareChunk(kv, 0, 0, 0,
              HeadTurn.rotary(buffers.empty(DType.F32, 1, 2, 7)), head, head, head),
          "15");
    }
  }
}

package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.Quantized;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class CodeScoresTest {
  /** Rows that codebooks are trained on here: few, since it is about scores. */
  private static final int TRAINED = 40;

  static Stream<Arguments> sizes() {
    return TestBackends.comparedWith(Stream.concat(Size.all(),
        Size.all().skip(3).limit(4).map(size -> size.withHeadDim(size.rows() % 2 == 0 ? 72 : 33))));
  }

  /** Few centroids where there are many keys, which the oracle takes long to code. */
  private static ProductQuantizer quantizer(Size size) {
    int zone = size.zones().getFirst();
    int subvectors = size.headDim() % 16 == 0 ? 1 << (zone + size.group()) % 5 : 3;
    int bits = zone > 5_000 ? 2 : zone > 300 ? 4 : 8;
    return new ProductQuantizer(subvectors, size.kvHeads() == 1 ? bits : 1 + zone % bits);
  }

  private static float[] scores(Backend backend, Size size) {
    try (Fixture fixture = new Fixture(backend, size);
        Quantized own = new Quantized(fixture, size, quantizer(size)).train(TRAINED).encode()) {
      int capacity = size.zones().stream().max(Integer::compare).orElseThrow() + 3;
      Buffer scores = fixture.buffers().empty(DType.F32, size.rows(), size.heads(), capacity);
      backend.quantizer().scores().score(fixture.kv(), Fixture.LAYER, fixture.batch(),
          fixture.buffers().of(fixture.queries(), size.rows(), size.heads(), size.headDim()),
          quantizer(size), own.codebooks(), own.codes(), scores);
      return fixture.buffers().floats(scores);
    }
  }

  private static void assertSameOnAllBackends(Backend backend, Size size) {
    float[] scores = scores(backend, size);
    try (ScalarBackend scalar = new ScalarBackend()) {
      float[] oracle = scores(scalar, size);
      int capacity = scores.length / (size.rows() * size.heads());
      for (int head = 0; head < size.rows() * size.heads(); head++) {
        int end = head * capacity + size.zones().get(head / size.heads());
        Tolerance.assertSameBits(Arrays.copyOfRange(oracle, head * capacity, end),
            Arrays.copyOfRange(scores, head * capacity, end), () -> size + ", " + quantizer(size));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void scores_areTheSameBitsOnAllBackends(Backend backend, Size size) {
    assertSameOnAllBackends(backend, size);
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("io.pariskv.testing.TestBackends#withLongSizes")
  void scoresOfLongZones_areTheSameBitsOnAllBackends(Backend backend, Size size) {
    assertSameOnAllBackends(backend, size);
  }

  /** Of what the codes stand for, in double. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void aScore_isTheInnerProductWithTheCentroids(Backend backend) {
    Size size = new Size(List.of(100, 7), 2, 3, 64, DType.BF16, RandomKv.NORMAL);
    ProductQuantizer quantizer = quantizer(size);
    float[] scores = scores(backend, size);
    try (Fixture fixture = new Fixture(backend, size);
        Quantized own = new Quantized(fixture, size, quantizer).train(TRAINED).encode()) {
      float[] queries = fixture.queries();
      for (int head = 0; head < size.rows() * size.heads(); head++) {
        int row = head / size.heads();
        int kvHead = head % size.heads() / size.group();
        float[] books = own.codebooks(row, kvHead);
        for (int key = 0; key < size.zones().get(row); key++) {
          int[] codes = own.codes(row, kvHead, key);
          int width = quantizer.width(64);
          double expected = 0;
          for (int i = 0; i < 64; i++) {
            expected += (double) queries[head * 64 + i]
                * books[quantizer.at(64, i / width, i % width, codes[i / width])];
          }
          double difference = Math.abs(scores[head * 103 + key] - expected);
          assertTrue(difference < 1e-4, () -> "off by " + difference);
        }
      }
    }
  }

  /** With a centroid for every key a score is that of the key itself. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void withACentroidForEveryKey_scoresAreTrueScores(Backend backend) {
    Size size = new Size(List.of(50), 2, 4, 32, DType.BF16, RandomKv.NORMAL); // 57 behind the sink
    ProductQuantizer quantizer = new ProductQuantizer(2, 6);
    try (Fixture fixture = new Fixture(backend, size);
        Quantized own = new Quantized(fixture, size, quantizer).train(64).encode()) {
      Buffer q = fixture.buffers().of(fixture.queries(), 1, 8, 32);
      Buffer scores = fixture.buffers().empty(DType.F32, 1, 8, 50);
      Buffer expected = fixture.buffers().empty(DType.F32, 1, 8, 50);
      backend.quantizer().scores().score(fixture.kv(), Fixture.LAYER, fixture.batch(), q,
          quantizer, own.codebooks(), own.codes(), scores);
      backend.selection().keyScores().score(fixture.kv(), Fixture.LAYER, fixture.batch(), q,
          Grouping.PER_HEAD, expected);
      float[] all = fixture.buffers().floats(expected);
      double[] wide = new double[all.length];
      for (int i = 0; i < all.length; i++) {
        wide[i] = all[i];
      }
      Tolerance.assertClose(wide, fixture.buffers().floats(scores), 1e-5, size::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void scoresForOtherHeads_andOtherTables_areRefused(Backend backend) {
    Size size = new Size(List.of(8), 2, 2, 16, DType.BF16, RandomKv.NORMAL);
    ProductQuantizer quantizer = new ProductQuantizer(2, 3);
    try (Fixture fixture = new Fixture(backend, size);
        Quantized own = new Quantized(fixture, size, quantizer).train(8).encode()) {
      Buffer q = fixture.buffers().empty(DType.F32, 1, 4, 16);
      Buffer scores = fixture.buffers().empty(DType.F32, 1, 2, 8);
      CodeScores stage = backend.quantizer().scores();

      assertRefused(IllegalArgumentException.class, () -> stage.score(fixture.kv(), Fixture.LAYER,
          fixture.batch(), q, quantizer, own.codebooks(), own.codes(), scores), "scores",
          "[1][4][", "[1][2][8]");
      assertRefused(IllegalArgumentException.class, () -> stage.score(fixture.kv(), Fixture.LAYER,
          fixture.batch(), q, new ProductQuantizer(2, 4), own.codebooks(), own.codes(), scores),
          "codebooks", "rows of 256 f32", "of 128 f32");
    }
  }
}

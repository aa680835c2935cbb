package io.pariskv.index;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.error.InputException;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.Quantized;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link CodebookTraining} and {@link KeyCoding}: training codes its rows. */
@Seeded
@Tag("stages")
class ProductQuantizationTest {

  static Stream<Arguments> sizes() {
    return TestBackends.with(Stream.of(sizesOf(1, 2, 3, 33, 257, 1_025),
        Stream.of(new Size(List.of(700, 40), 1, 2, 80, DType.BF16, RandomKv.NORMAL),
            new Size(List.of(300), 2, 1, 33, DType.F32, RandomKv.COMMON_MEAN),
            new Size(List.of(260), 1, 1, 256, DType.BF16, RandomKv.SPREAD_NORMS)))
        .flatMap(each -> each));
  }

  private static Stream<Size> sizesOf(Integer... zones) {
    RandomKv[] kinds = RandomKv.values();
    return Stream.of(zones).flatMap(zone -> Stream.of(16, 64).map(headDim -> new Size(
        List.of(zone, zone / 2), 1 + zone % 2, 1, headDim,
        zone % 4 < 2 ? DType.BF16 : DType.F32, kinds[(zone + headDim / 16) % kinds.length])));
  }

  /** Now few centroids, now more than keys. */
  private static ProductQuantizer quantizer(Size size) {
    int subvectors = size.headDim() % 3 == 0 ? 3 : size.zones().getFirst() % 2 == 0 ? 2 : 4;
    return new ProductQuantizer(subvectors, 1 + (size.zones().getFirst() + size.headDim() / 8) % 8);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void codebooksAndCodes_areTheSameOnAllBackends(Backend backend, Size size) {
    ProductQuantizer quantizer = quantizer(size);
    try (ScalarBackend scalar = new ScalarBackend();
        Fixture fixture = new Fixture(backend, size);
        Fixture oracle = new Fixture(scalar, size);
        Quantized own = new Quantized(fixture, size, quantizer).train(500).encode();
        Quantized expected = new Quantized(oracle, size, quantizer).train(500).encode()) {
      for (int row = 0; row < size.rows(); row++) {
        for (int kvHead = 0; kvHead < size.kvHeads(); kvHead++) {
          Tolerance.assertSameBits(expected.codebooks(row, kvHead), own.codebooks(row, kvHead),
              () -> size + ", " + quantizer);
          for (int key = 0; key < size.zones().get(row); key++) {
            assertArrayEquals(expected.codes(row, kvHead, key), own.codes(row, kvHead, key));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void aCode_isANearestCentroid(Backend backend, Size size) {
    ProductQuantizer quantizer = quantizer(size);
    int width = quantizer.width(size.headDim());
    try (Fixture fixture = new Fixture(backend, size);
        Quantized own = new Quantized(fixture, size, quantizer).train(500).encode()) {
      float[] books = own.codebooks(0, 0);
      for (int key = 0; key < size.zones().getFirst(); key++) {
        float[] k = fixture.key(0, 0, Fixture.SINK + key);
        int[] codes = own.codes(0, 0, key);
        for (int j = 0; j < codes.length; j++) {
          double least = Double.POSITIVE_INFINITY;
          for (int c = 0; c < quantizer.centroids(); c++) {
            least = Math.min(least, distance(quantizer, size, books, k, j, c));
          }
          double chosen = distance(quantizer, size, books, k, j, codes[j]);
          assertTrue(chosen <= least * (1 + width * 1e-6) + 1e-12, () -> size + ": " + quantizer);
        }
      }
    }
  }

  private static double distance(ProductQuantizer quantizer, Size size, float[] books, float[] key,
      int j, int c) {
    double sum = 0;
    for (int i = 0; i < quantizer.width(size.headDim()); i++) {
      double difference = (double) key[j * quantizer.width(size.headDim()) + i]
          - books[quantizer.at(size.headDim(), j, i, c)];
      sum += difference * difference;
    }
    return sum;
  }

  /** With as many centroids as there are keys each is found again, in whatever order they are tried. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void withACentroidForEveryKey_nothingIsLost(Backend backend) {
    for (RandomKv keys : RandomKv.values()) {
      Size size = new Size(List.of(52), 2, 1, 32, DType.BF16, keys); // 59 behind the sink
      ProductQuantizer quantizer = new ProductQuantizer(4, 6);
      try (Fixture fixture = new Fixture(backend, size);
          Quantized own = new Quantized(fixture, size, quantizer).train(64).encode()) {
        for (int key = 0; key < 52; key++) {
          float[] k = fixture.key(0, 1, Fixture.SINK + key);
          float[] books = own.codebooks(0, 1);
          int[] codes = own.codes(0, 1, key);
          double precision = 0x1p-35 * largest(books); // of a mean
          for (int i = 0; i < 32; i++) {
            float stored = books[quantizer.at(32, i / 8, i % 8, codes[i / 8])];
            assertEquals(k[i], stored, precision, keys::name);
          }
        }
      }
    }
  }

  private static double largest(float[] numbers) {
    double largest = 0;
    for (float number : numbers) {
      largest = Math.max(largest, Math.abs(number));
    }
    return largest;
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void training_bringsCentroidsNearerToTheKeysThanAsManyOfTheKeysAre(Backend backend) {
    Size size = new Size(List.of(900), 1, 1, 64, DType.BF16, RandomKv.NORMAL);
    ProductQuantizer quantizer = new ProductQuantizer(2, 5);
    try (Fixture fixture = new Fixture(backend, size);
        Quantized all = new Quantized(fixture, size, quantizer).train(1_000).encode();
        Quantized few = new Quantized(fixture, size, quantizer).train(32).encode()) {
      double ratio = error(fixture, size, quantizer, all) / error(fixture, size, quantizer, few);

      assertTrue(ratio < 0.8, "errors are " + ratio + " of those of 32 keys");
    }
  }

  private static double error(Fixture fixture, Size size, ProductQuantizer quantizer,
      Quantized own) {
    double sum = 0;
    float[] books = own.codebooks(0, 0);
    for (int key = 0; key < size.zones().getFirst(); key++) {
      int[] codes = own.codes(0, 0, key);
      for (int j = 0; j < codes.length; j++) {
        sum += distance(quantizer, size, books, fixture.key(0, 0, Fixture.SINK + key), j,
            codes[j]);
      }
    }
    return sum;
  }

  @Test
  void steps_visitEveryRowOnce() {
    for (int n = 1; n < 300; n++) {
      boolean[] seen = new boolean[n];
      long step = CodebookTraining.step(n);
      for (int i = 0; i < n; i++) {
        int row = (int) ((KeySample.SEED + i * step) % n);
        assertTrue(!seen[row], "row " + row + " of " + n + " twice");
        seen[row] = true;
      }
    }
  }

  @Test
  void settingsOutOfRange_areRefusedWithBothNumbers() {
    assertRefused(InputException.class, () -> new ProductQuantizer(0, 6), "pq-subvectors 0",
        "from 1 to 16");
    assertRefused(InputException.class, () -> new ProductQuantizer(17, 6), "pq-subvectors 17",
        "from 1 to 16");
    assertRefused(InputException.class, () -> new ProductQuantizer(2, 0), "pq-bits 0",
        "from 1 to 8");
    assertRefused(InputException.class, () -> new ProductQuantizer(2, 9), "pq-bits 9",
        "from 1 to 8");
    Size size = new Size(List.of(8), 1, 1, 80, DType.BF16, RandomKv.NORMAL);
    assertRefused(InputException.class, () -> new ProductQuantizer(3, 6).check(size.shape(0)),
        "pq-subvectors 3", "head size 80");
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void tablesThatDoNotFit_areRefused(Backend backend) {
    Size size = new Size(List.of(8), 1, 1, 16, DType.BF16, RandomKv.NORMAL);
    ProductQuantizer quantizer = new ProductQuantizer(2, 4);
    try (Fixture fixture = new Fixture(backend, size);
        Quantized own = new Quantized(fixture, size, quantizer)) {
      Buffer rows = fixture.buffers().empty(DType.BF16, 0, 16);
      QuantizerRefusals refusals = new QuantizerRefusals(backend, fixture, own);

      assertRefused(IllegalArgumentException.class, () -> refusals.train(rows, quantizer),
          "0 training rows", "1 to 65536");
      assertRefused(IllegalArgumentException.class,
          () -> refusals.train(rows, new ProductQuantizer(2, 5)), "codebooks", "512", "256");
      assertRefused(IllegalArgumentException.class,
          () -> refusals.encode(new ProductQuantizer(4, 4)), "codes", "rows of 4 u8", "of 2 u8");
    }
  }

  private record QuantizerRefusals(Backend backend, Fixture fixture, Quantized own) {
    void train(Buffer rows, ProductQuantizer quantizer) {
      backend.quantizer().training().train(rows, quantizer, Fixture.LAYER, 0, 0, own.codebooks());
    }

    void encode(ProductQuantizer quantizer) {
      backend.quantizer().coding().encode(fixture.kv(), Fixture.LAYER, 0, Fixture.SINK,
          fixture.zones(0), quantizer, own.codebooks(), own.codes());
    }
  }
}

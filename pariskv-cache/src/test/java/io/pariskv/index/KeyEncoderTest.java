package io.pariskv.index;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.memory.Bf16;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class KeyEncoderTest {
  private static final String SIZES = "io.pariskv.testing.TestBackends#withSizes";
  private static final String ALL_OF_BOTH_KINDS = "allOfBothKinds";

  static Stream<Arguments> allOfBothKinds() {
    return TestBackends.withCoarse(all());
  }

  static Stream<Arguments> comparedOfBothKinds() {
    return TestBackends.comparedWithCoarse(all());
  }

  private static Stream<Size> all() {
    return TestBackends.takesLongSizes()
        ? Stream.concat(Size.all(), Size.longest())
        : Size.all();
  }

  @ParameterizedTest
  @MethodSource("comparedOfBothKinds")
  void summaries_equalThoseOfScalar(Backend backend, Size size, Coarse coarse) {
    try (Fixture fixture = new Fixture(backend, size, coarse).encode(size.budget());
        ScalarBackend scalar = new ScalarBackend();
        Fixture expected = new Fixture(scalar, size, coarse).encode(size.budget())) {
      for (int row = 0; row < size.rows(); row++) {
        int keys = size.zones().get(row);
        for (int kvHead = 0; kvHead < size.kvHeads(); kvHead++) {
          for (int key = 0; key < keys; key += 1 + keys / 5_000) {
            KeySummary summary = read(expected, row, kvHead, key);
            if (!summary.equals(read(fixture, row, kvHead, key))) {
              assertEquals(summary, read(fixture, row, kvHead, key),
                  size + ", row " + row + ", KV head " + kvHead + ", key " + key);
            }
          }
        }
        if (keys > 0 && coarse == Coarse.TIERS) {
          assertArrayEquals(populations(expected, row), populations(fixture, row));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource(SIZES)
  void populations_countTheIdsOfTheZone(Backend backend, Size size) {
    try (Fixture fixture = new Fixture(backend, size).encode(size.budget())) {
      for (int row = 0; row < size.rows(); row++) {
        int keys = size.zones().get(row);
        if (keys == 0) {
          continue; // nothing reserved, nothing to read
        }
        int[] counted = new int[size.kvHeads() * size.subspaces() * SignCentroids.COUNT];
        for (int i = 0; i < size.kvHeads() * keys; i++) {
          int[] ids = read(fixture, row, i / keys, i % keys).ids();
          for (int b = 0; b < ids.length; b++) {
            counted[(i / keys * size.subspaces() + b) * SignCentroids.COUNT + ids[b]]++;
          }
        }
        assertArrayEquals(counted, populations(fixture, row), size::toString);
      }
    }
  }

  /** The paper's formula in double; where a number is at a border, either side is right. */
  @ParameterizedTest
  @MethodSource(ALL_OF_BOTH_KINDS)
  void summary_isSignsLevelsAndWeightOfTheRotatedKey(Backend backend, Size size, Coarse coarse) {
    try (Fixture fixture = new Fixture(backend, size, coarse).encode(size.budget())) {
      for (int row = 0; row < size.rows(); row++) {
        int keys = size.zones().get(row);
        if (keys == 0) {
          continue; // nothing reserved, nothing to read
        }
        float[] centres = coarse == Coarse.SCORES
            ? fixture.buffers().floats(fixture.index().centres(Fixture.LAYER, fixture.slot(row)))
            : new float[size.kvHeads() * size.headDim()];
        for (int key = 0; key < keys; key += 1 + keys / 50) {
          for (int kvHead = 0; kvHead < size.kvHeads(); kvHead++) {
            float[] x = fixture.key(row, kvHead, Fixture.SINK + key);
            for (int j = 0; j < x.length; j++) {
              x[j] -= centres[kvHead * x.length + j];
            }
            KeySummary summary = read(fixture, row, kvHead, key);
            checkFormula(x, summary, size + ", key " + key);
            checkNorm(x, summary, coarse, size + ", key " + key);
          }
        }
      }
    }
  }

  private static void checkNorm(float[] x, KeySummary summary, Coarse coarse, String context) {
    double squares = 0;
    for (float each : x) {
      squares += (double) each * each;
    }
    double norm = coarse == Coarse.SCORES ? Math.sqrt(squares) : 0;
    assertEquals(norm, Bf16.toFloat(summary.norm()), norm / 250, context + ", norm");
  }

  private static void checkFormula(float[] x, KeySummary summary, String context) {
    int d = x.length;
    float[] signs = HadamardRotation.signs(d);
    double[] y = new double[d];
    double error = 0; // of a rotated coordinate in float
    for (int j = 0; j < d; j++) {
      error += 1e-6 * Math.abs(x[j]) / Math.sqrt(d);
      for (int i = 0; i < d; i++) {
        y[i] += (Integer.bitCount(i & j) % 2 == 0 ? 1 : -1) * signs[j] * x[j] / Math.sqrt(d);
      }
    }
    for (int b = 0; b < d / 8; b++) {
      checkBlock(Arrays.copyOfRange(y, 8 * b, 8 * b + 8), error, summary, b, context);
    }
  }

  private static void checkBlock(double[] y, double error, KeySummary summary, int b,
      String context) {
    double squares = 0;
    for (double each : y) {
      squares += each * each;
    }
    double r = Math.sqrt(squares);
    double alpha = 0;
    for (int j = 0; j < 8; j++) {
      int code = summary.codes()[8 * b + j];
      if (Math.abs(y[j]) > error || r == 0) {
        assertEquals(y[j] >= 0, code >= 8, context + ", sign " + j + " of block " + b);
      }
      assertEquals(code >= 8, (summary.ids()[b] >> j & 1) == 1, "id and codes differ");
      int level = 0;
      boolean border = false;
      for (float threshold : MagnitudeLevels.thresholds()) {
        level += Math.abs(y[j]) > threshold * r ? 1 : 0;
        border |= Math.abs(Math.abs(y[j]) - threshold * r) < 4 * error + 1e-6 * r;
      }
      if (!border || r == 0) {
        assertEquals(level, code & 7, context + ", level " + j + " of block " + b);
      }
      alpha += MagnitudeLevels.levels()[code & 7] * Math.abs(y[j]) / r;
    }
    double weight = Bf16.toFloat(summary.weights()[b]);
    if (r > 1000 * error) {
      assertEquals(r / alpha, weight, r / alpha / 200, context + ", weight of block " + b);
    } else if (r == 0) {
      assertEquals(0, weight, context + ", weight of block " + b);
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void anIndexOfAnotherGeometry_isRefused(Backend backend) {
    Size size = Size.all().skip(3).findFirst().orElseThrow();
    try (Fixture fixture = new Fixture(backend, size);
        KeyIndex index = backend.newKeyIndex(size.withHeadDim(8 * 2).shape(3), size.rows())) {
      index.reserve(0, 8);

      assertRefused(IllegalArgumentException.class, () -> backend.retrieval().keyEncoder()
          .encode(fixture.kv(), Fixture.LAYER, 0, 0, 1, index, 0), "headDim=");
    }
  }

  /** The threads of an encoder have memory of their own, which must not pass from one index to another. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void keysOfAnIndexOfScores_areNotCountedInOneOfTiers(Backend backend) {
    Size size = Size.all().skip(9).findFirst().orElseThrow();
    try (Fixture scores = new Fixture(backend, size, Coarse.SCORES);
        Fixture tiers = new Fixture(backend, size, Coarse.TIERS)) {
      scores.encode(size.budget());
      tiers.encode(size.budget());

      assertEquals(size.zones().getFirst() * size.kvHeads() * size.subspaces(),
          Arrays.stream(populations(tiers, 0)).sum());
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void release_forgetsTheKeys(Backend backend) {
    Size size = Size.all().skip(9).findFirst().orElseThrow();
    try (Fixture fixture = new Fixture(backend, size).encode(size.budget())) {
      KeyIndex index = fixture.index();
      long before = index.bytes();
      index.release(fixture.slot(0));
      assertTrue(index.bytes() < before);
      int budget = fixture.slot(0) * KeyIndex.BUDGET_FIELDS;
      int[] budgets = fixture.buffers().ints(index.budgets());
      assertArrayEquals(new int[KeyIndex.BUDGET_FIELDS],
          Arrays.copyOfRange(budgets, budget, budget + KeyIndex.BUDGET_FIELDS));

      fixture.encode(size.budget());

      int[] populations = populations(fixture, 0);
      int total = Arrays.stream(populations).sum();
      assertEquals(size.zones().getFirst() * size.kvHeads() * size.subspaces(), total);
    }
  }

  private static KeySummary read(Fixture fixture, int row, int kvHead, int key) {
    return fixture.index().read(Fixture.LAYER, fixture.slot(row), kvHead, key);
  }

  private static int[] populations(Fixture fixture, int row) {
    return fixture.buffers()
        .ints(fixture.index().populations(Fixture.LAYER, fixture.slot(row)));
  }
}

package io.pariskv.retrieve;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class HeadWeightsTest {

  static Stream<Arguments> sizes() {
    Stream<Size> longest = TestBackends.takesLongSizes()
        ? Stream.of(new Size(List.of(131_071, 257), 2, 4, 16, DType.BF16, RandomKv.ZERO))
        : Stream.empty();
    return TestBackends.with(Stream.concat(Size.all(), longest));
  }

  /** Scores of each head: some narrow, some wide, some all equal, some with numbers that are none. */
  private static float[] scores(Size size, int capacity) {
    RandomGenerator random = Seeds.random(size, "scores");
    float[] scores = new float[size.rows() * size.heads() * capacity];
    float[] special = {Float.NaN, Float.NEGATIVE_INFINITY, -Float.MAX_VALUE, 0, -0f};
    for (int i = 0; i < scores.length; i++) {
      double normal = random.nextGaussian();
      scores[i] = (float) switch (i / capacity % 4) {
        case 0 -> 3 * normal;
        case 1 -> 300 * normal;
        case 2 -> 7;
        default -> random.nextInt(9) == 0 ? special[random.nextInt(special.length)] : 20 * normal;
      };
    }
    return scores;
  }

  private static float[] combine(Backend backend, Size size, int capacity) {
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffers buffers = fixture.buffers();
      Buffer combined = buffers.empty(DType.F32, size.rows(), size.kvHeads(), capacity + 2);
      backend.selection().headWeights().combine(fixture.kv(), fixture.batch(),
          buffers.of(scores(size, capacity), size.rows(), size.heads(), capacity), combined);
      return buffers.floats(combined);
    }
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void weightsOfAGroup_areTheSumOfItsHeadsSoftmaxes_andTheSameBitsOnAllBackends(Backend backend,
      Size size) {
    int capacity = size.zones().stream().max(Integer::compare).orElseThrow() + 5;
    float[] actual = combine(backend, size, capacity);
    float[] oracle;
    try (ScalarBackend scalar = new ScalarBackend()) {
      oracle = combine(scalar, size, capacity);
    }
    float[] scores = scores(size, capacity);
    for (int kvHead = 0; kvHead < size.rows() * size.kvHeads(); kvHead++) {
      int keys = size.zones().get(kvHead / size.kvHeads());
      double[] expected = new double[keys];
      for (int head = kvHead * size.group(); head < (kvHead + 1) * size.group(); head++) {
        double[] weights = softmax(scores, head * capacity, keys, size.headDim());
        for (int key = 0; key < keys; key++) {
          expected[key] += weights[key];
        }
      }
      int at = kvHead * (capacity + 2);
      float[] given = Arrays.copyOfRange(actual, at, at + keys);
      Tolerance.assertSameBits(Arrays.copyOfRange(oracle, at, at + keys), given, size::toString);
      Tolerance.assertClose(expected, given, 1e-4, size::toString); // scores of 300 are rounded
    }
  }

  private static double[] softmax(float[] scores, int from, int count, int headDim) {
    double[] weights = new double[count];
    double max = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      weights[i] = Float.isNaN(scores[from + i])
          ? Double.NEGATIVE_INFINITY
          : scores[from + i] / Math.sqrt(headDim);
      max = Math.max(max, weights[i]);
    }
    double total = 0;
    for (int i = 0; i < count; i++) {
      weights[i] = max == Double.NEGATIVE_INFINITY ? 0 : Math.exp(weights[i] - max);
      total += weights[i];
    }
    for (int i = 0; i < count; i++) {
      weights[i] /= Math.max(total, Double.MIN_NORMAL);
    }
    return weights;
  }

  @Test
  void power_isTwoToThatPower() {
    float[] coefficients = HeadWeights.coefficients();
    for (int i = 0; i <= 120_000; i++) {
      float x = -i / 1000f;
      double expected = Math.pow(2, x);
      assertEquals(expected, HeadWeights.power(x, coefficients), 3e-7 * expected);
    }
    assertEquals(1, HeadWeights.power(0, coefficients));
    assertEquals(0, HeadWeights.power(-120.1f, coefficients));
    assertEquals(0, HeadWeights.power(Float.NEGATIVE_INFINITY, coefficients));
    assertEquals(0, HeadWeights.power(Float.NaN, coefficients));
  }
}

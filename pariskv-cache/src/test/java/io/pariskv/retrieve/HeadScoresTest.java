package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
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
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class HeadScoresTest {
  private static final int ONE = 1 << 23;

  /** What the estimates of a head are like. */
  enum Estimates {
    NORMAL, FAR_APART, EQUAL, SPECIAL, ALL_NAN, ALL_MINUS_INFINITY
  }

  static Stream<Arguments> sizes() {
    return TestBackends.with(Size.all());
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void scores_areTheWeightsOfAllHeadsAddedUp(Backend backend, Size size) {
    int heads = size.rows() * size.kvHeads();
    int capacity = candidates(size, 0) + 1 + Seeds.random(size, "room").nextInt(9);
    float[] scores = scores(size, heads * size.group(), capacity);
    try (Fixture fixture = new Fixture(backend, size).budget(size.budget())) {
      float[] combined = combine(fixture, size, scores, capacity);
      for (int head = 0; head < heads; head++) {
        int count = candidates(size, head / size.kvHeads());
        float[] expected = new float[count];
        for (int i = 0; i < size.group(); i++) {
          int from = (i * heads + head) * capacity;
          float[] weights = weights(Arrays.copyOfRange(scores, from, from + count),
              size.headDim());
          for (int j = 0; j < count; j++) {
            expected[j] += weights[j]; // 0 + a weight is the weight: none is -0
          }
        }
        Tolerance.assertSameBits(expected,
            Arrays.copyOfRange(combined, head * capacity, head * capacity + count),
            size::toString);
      }
    }
  }

  private static int candidates(Size size, int row) {
    return size.budget().candidates(size.zones().get(row));
  }

  private static float[] scores(Size size, int heads, int capacity) {
    RandomGenerator random = Seeds.random(size, "scores");
    float[] special = {Float.NaN, -0f, 0, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY, 3e38f,
        -3e38f, 1, -1000};
    float[] scores = new float[heads * capacity];
    for (int i = 0; i < scores.length; i++) {
      Estimates kind = Estimates.values()[(int) (Integer.toUnsignedLong(i / capacity * 0x9e3779b9)
          % Estimates.values().length)];
      float normal = (float) random.nextGaussian();
      scores[i] = switch (kind) {
        case NORMAL -> 20 * normal;
        case FAR_APART -> 3000 * normal;
        case EQUAL -> 7;
        case SPECIAL -> special[random.nextInt(special.length)];
        case ALL_NAN -> Float.NaN;
        case ALL_MINUS_INFINITY -> Float.NEGATIVE_INFINITY;
      };
    }
    return scores;
  }

  /** The contract with whole exponents and fractions apart. */
  private static float[] weights(float[] estimates, int headDim) {
    float octaves = (float) (1 / (Math.log(2) * Math.sqrt(headDim)));
    float largest = Float.NEGATIVE_INFINITY;
    for (float each : estimates) {
      largest = Float.isNaN(each) ? largest : Math.max(largest, each);
    }
    long[] fixed = new long[estimates.length];
    long sum = 0;
    for (int i = 0; i < fixed.length; i++) {
      float z = (estimates[i] - largest) * octaves;
      fixed[i] = z > -126 ? (long) ((double) z * ONE) : -126L * ONE;
      long exponent = Math.floorDiv(fixed[i], ONE);
      sum += exponent < -24 ? 0 : (ONE + Math.floorMod(fixed[i], ONE)) / (1L << -exponent);
    }
    float[] weights = new float[fixed.length];
    for (int i = 0; i < fixed.length && sum > 0; i++) {
      long bits = fixed[i] + 127L * ONE - (Float.floatToIntBits((float) sum) - 150L * ONE);
      weights[i] = Float.intBitsToFloat((int) Math.max(0, bits));
    }
    return weights;
  }

  /** What it is all about: nearly a softmax. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void scoresOfOneHead_areItsAttentionWeights(Backend backend) {
    Size size = new Size(List.of(3_000), 1, 1, 64, DType.BF16, RandomKv.NORMAL);
    RetrievalBudget budget = new RetrievalBudget(10, 0.4, null);
    float[] estimates = RandomKv.normal(Seeds.random("estimates"), 1_200);
    for (int i = 0; i < estimates.length; i++) {
      estimates[i] *= 25;
    }
    try (Fixture fixture = new Fixture(backend, size).budget(budget)) {
      float[] weights = combine(fixture, size, estimates, 1_200);
      double sum = IntStream.range(0, 1_200).mapToDouble(i -> Math.exp(estimates[i] / 8)).sum();
      double total = 0;
      for (int i = 0; i < 1_200; i++) {
        double weight = Math.exp(estimates[i] / 8) / sum;
        assertEquals(weight, weights[i], 0.13 * weight, "candidate " + i);
        total += weights[i];
      }
      assertEquals(1, total, 0.13); // straight lines are up to 6% above powers of two, twice
    }
  }

  private static float[] combine(Fixture fixture, Size size, float[] scores, int capacity) {
    Buffer out = fixture.buffers().empty(DType.F32, size.rows(), size.kvHeads(), capacity);
    fixture.backend().retrieval().headScores().combine(fixture.index(), fixture.batch(), fixture
        .buffers().of(scores, size.group(), size.rows(), size.kvHeads(), capacity), out);
    return fixture.buffers().floats(out);
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void scoresWithTooLittleRoom_areRefusedWithBothShapes(Backend backend) {
    Size size = new Size(List.of(33), 2, 4, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size)
        .budget(new RetrievalBudget(20, 1.0, null))) {
      assertRefused(IllegalArgumentException.class,
          () -> combine(fixture, size, new float[4 * 2 * 32], 32), "[1][2][33]", "[1][2][32]");
    }
  }
}

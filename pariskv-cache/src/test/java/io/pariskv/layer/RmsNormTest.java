package io.pariskv.layer;

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
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class RmsNormTest {
  /** Rows and width, and how large the numbers are. */
  record Case(int rows, int width, float scale) {
  }

  static Stream<Arguments> cases() {
    return TestBackends.withoutKv(Stream.of(new Case(1, 1, 1), new Case(0, 8, 1), new Case(3, 7, 1),
        new Case(5, 64, 1e-4f), new Case(40, 128, 1), new Case(2, 1000, 1e6f), new Case(1, 1025, 1),
        new Case(2, 4096, 10), new Case(2, 33, 0)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void normalize_dividesByRootMeanSquare(Backend backend, Case size) {
    float[] x = input(size);
    float[] weight = RandomKv.normal(Seeds.random(size, "weight"), size.width);
    double[] expected = expected(size, x, weight);
    try (Buffers buffers = new Buffers(backend)) {
      Buffer input = buffers.of(x, size.rows, size.width);
      Buffer out = buffers.empty(DType.F32, size.rows, size.width);
      Buffer weights = buffers.of(weight, size.width);

      backend.layers().rmsNorm().normalize(input, weights, 1e-6f, out);
      backend.layers().rmsNorm().normalize(input, weights, 1e-6f, input);

      Tolerance.Allowed tolerance = i -> 4e-6 * Math.abs(expected[i]);
      Tolerance.assertClose(expected, buffers.floats(out), tolerance, size::toString);
      Tolerance.assertClose(expected, buffers.floats(input), tolerance, () -> size + " in place");
    }
  }

  private static float[] input(Case size) {
    RandomGenerator random = Seeds.random(size);
    float[] x = RandomKv.normal(random, size.rows * size.width);
    for (int i = 0; i < x.length; i++) {
      x[i] *= size.scale;
    }
    return x;
  }

  private static double[] expected(Case size, float[] x, float[] weight) {
    double[] expected = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      double squares = 0;
      for (int j = 0; j < size.width; j++) {
        double value = x[i / size.width * size.width + j];
        squares += value * value;
      }
      expected[i] = x[i] / Math.sqrt(squares / size.width + 1e-6f) * weight[i % size.width];
    }
    return expected;
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void normalize_ofAnotherWidth_namesBothShapes(Backend backend) {
    try (Buffers buffers = new Buffers(backend)) {
      Buffer x = buffers.empty(DType.F32, 2, 8);
      Buffer weight = buffers.empty(DType.F32, 9);

      assertRefused(IllegalArgumentException.class,
          () -> backend.layers().rmsNorm().normalize(x, weight, 1e-6f, x), "[2][9]", "[2][8]");
    }
  }
}

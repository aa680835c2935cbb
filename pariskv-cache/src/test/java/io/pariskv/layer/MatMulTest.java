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
import io.pariskv.testing.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class MatMulTest {
  private static final int[] ROWS = {1, 2, 3, 5, 8, 31, 33, 70};
  private static final int[][] IN_OUT = {{1, 1}, {7, 3}, {8, 100}, {64, 64}, {100, 17}, {256, 33},
      {257, 130}, {1000, 9}, {1024, 65}};

  record Case(int rows, int in, int out, DType type, boolean bias, int offset) {
  }

  static Stream<Arguments> cases() {
    List<Case> cases = new ArrayList<>();
    for (DType type : Weights.TYPES) {
      for (int i = 0; i < IN_OUT.length; i++) {
        for (int j = 0; j < 3; j++) {
          int rows = ROWS[(i + 3 * j) % ROWS.length];
          cases
              .add(new Case(rows, IN_OUT[i][0], IN_OUT[i][1], type, (i + j) % 2 == 0, (i + j) % 3));
        }
      }
    }
    cases.add(new Case(0, 8, 8, DType.F32, true, 0));
    return TestBackends.with(cases.stream());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void multiply_isWeightTimesInputPlusBias(Backend backend, Case size) {
    float[] x = RandomKv.normal(Seeds.random(size, "x"), size.rows * size.in);
    float[] w = RandomKv.normal(Seeds.random(size, "w"), size.out * size.in);
    float[] b = RandomKv.normal(Seeds.random(size, "b"), size.out);
    double[] expected = new double[size.rows * size.out];
    double[] magnitude = new double[expected.length];
    for (int i = 0; i < expected.length; i++) {
      int o = i % size.out;
      expected[i] = size.bias ? b[o] : 0;
      for (int j = 0; j < size.in; j++) {
        double product = (double) Weights.stored(w[o * size.in + j], size.type)
            * x[i / size.out * size.in + j];
        expected[i] += product;
        magnitude[i] += Math.abs(product);
      }
    }
    try (Buffers buffers = new Buffers(backend)) {
      Linear linear = new Linear(Weights.of(w, size.type, size.offset, size.out, size.in),
          size.bias ? buffers.of(b, size.out) : null);
      Buffer y = buffers.empty(DType.F32, size.rows, size.out);

      backend.layers().matMul().multiply(buffers.of(x, size.rows, size.in), linear, y);

      Tolerance.assertClose(expected, buffers.floats(y), i -> 4e-6 * magnitude[i] + 1e-6,
          size::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void multiply_ofAnotherWidth_namesBothShapes(Backend backend) {
    try (Buffers buffers = new Buffers(backend)) {
      Linear linear = new Linear(buffers.empty(DType.F32, 4, 8), null);
      Buffer x = buffers.empty(DType.F32, 2, 9);
      Buffer y = buffers.empty(DType.F32, 2, 4);

      assertRefused(IllegalArgumentException.class,
          () -> backend.layers().matMul().multiply(x, linear, y), "[2][8] f32, not [2][9] f32");
    }
  }
}

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
class NormedMatMulTest {
  private static final float EPSILON = 1e-5f;

  /** Rows, width, outputs of each layer, and how large the inputs are. */
  record Case(int rows, int in, List<Integer> outs, DType type, boolean bias, float scale) {
  }

  static Stream<Arguments> cases() {
    List<Case> cases = new ArrayList<>();
    int[] rows = {1, 2, 8, 9, 16, 17, 70};
    int[] widths = {8, 40, 64, 257, 520, 1000};
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < Weights.TYPES.size(); j++) {
        cases.add(new Case(rows[i], widths[(i + 2 * j) % widths.length], List.of(33, 9, 1),
            Weights.TYPES.get(j), (i + j) % 2 == 0, j == 1 ? 1e-3f : 3));
      }
    }
    cases.add(new Case(1, 2056, List.of(3201, 40, 500), DType.BF16, true, 1)); // many tiles
    cases.add(new Case(12, 264, List.of(1900, 1, 2000), DType.BF16, false, 100));
    cases.add(new Case(3, 136, List.of(5, 6, 7, 8), DType.BF16, true, 1)); // of two launches
    cases.add(new Case(2, 96, List.of(17), DType.BF16, true, 0)); // epsilon is all there is
    cases.add(new Case(0, 16, List.of(8, 4), DType.BF16, true, 1));
    return TestBackends.with(cases.stream());
  }

  /** Inputs, and what the layers give in double. */
  private static final class Numbers {
    final Case size;
    final float[] x;
    final float[] norm;
    final double[] normed;

    Numbers(Case size) {
      this.size = size;
      x = RandomKv.normal(Seeds.random(size, "x"), size.rows * size.in);
      norm = RandomKv.normal(Seeds.random(size, "norm"), size.in);
      normed = new double[x.length];
      for (int r = 0; r < size.rows; r++) {
        double squares = 0;
        for (int i = r * size.in; i < (r + 1) * size.in; i++) {
          x[i] *= size.scale;
          squares += (double) x[i] * x[i];
        }
        for (int i = r * size.in; i < (r + 1) * size.in; i++) {
          normed[i] = x[i] / Math.sqrt(squares / size.in + EPSILON) * norm[i % size.in];
        }
      }
    }

    float[] weight(int layer, int out) {
      return RandomKv.normal(Seeds.random(size, "w" + layer), out * size.in);
    }

    float[] bias(int layer, int out) {
      return RandomKv.normal(Seeds.random(size, "b" + layer), size.bias ? out : 0);
    }

    Linear linear(Buffers buffers, int layer, int out) {
      return new Linear(
          buffers.place(Weights.of(weight(layer, out), size.type, 0, out, size.in)),
          size.bias ? buffers.of(bias(layer, out), out) : null);
    }

    /** Results, then sums of the magnitudes of what was added. */
    double[][] expected(int layer, int out) {
      float[] w = weight(layer, out);
      float[] b = bias(layer, out);
      double[][] expected = new double[2][size.rows * out];
      for (int i = 0; i < expected[0].length; i++) {
        expected[0][i] = size.bias ? b[i % out] : 0;
        for (int j = 0; j < size.in; j++) {
          double product = Weights.stored(w[i % out * size.in + j], size.type)
              * normed[i / out * size.in + j];
          expected[0][i] += product;
          expected[1][i] += Math.abs(product);
        }
      }
      return expected;
    }

    /** Of the sum of magnitudes. */
    double error(Backend backend) {
      return backend.layers().matMul().roundsInputs(size.rows, size.type)
          ? 0x1p-8 + size.in * 0x1p-23
          : 8e-6;
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void multiply_isEachLayerOfTheNormalisedRows(Backend backend, Case size) {
    Numbers numbers = new Numbers(size);
    try (Buffers buffers = new Buffers(backend)) {
      List<Linear> linears = new ArrayList<>();
      List<Buffer> ys = new ArrayList<>();
      for (int i = 0; i < size.outs.size(); i++) {
        linears.add(numbers.linear(buffers, i, size.outs.get(i)));
        ys.add(buffers.empty(DType.F32, size.rows, size.outs.get(i)));
      }
      Buffer x = buffers.of(numbers.x, size.rows, size.in);

      backend.layers().normedMatMul().multiply(x, new Norm(buffers.of(numbers.norm, size.in),
          EPSILON), linears, buffers.empty(DType.F32, size.rows, size.in), ys);

      for (int i = 0; i < ys.size(); i++) {
        double[][] expected = numbers.expected(i, size.outs.get(i));
        Tolerance.assertClose(expected[0], buffers.floats(ys.get(i)),
            at -> numbers.error(backend) * expected[1][at] + 1e-6, size::toString);
      }
      Tolerance.assertSameBits(numbers.x, buffers.floats(x), () -> "x, which is only read");
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void multiplyGated_isSiluOfGateTimesUp(Backend backend, Case size) {
    Numbers numbers = new Numbers(size);
    int out = size.outs.getFirst();
    try (Buffers buffers = new Buffers(backend)) {
      GatedLinear linear = new GatedLinear(numbers.linear(buffers, 0, out),
          numbers.linear(buffers, 1, out));
      Buffer y = buffers.empty(DType.F32, size.rows, out);

      backend.layers().normedMatMul().multiplyGated(buffers.of(numbers.x, size.rows, size.in),
          new Norm(buffers.of(numbers.norm, size.in), EPSILON), linear,
          buffers.empty(DType.F32, size.rows, size.in), buffers.empty(DType.F32, size.rows, out),
          y);

      double[][] gate = numbers.expected(0, out);
      double[][] up = numbers.expected(1, out);
      double[] expected = new double[gate[0].length];
      double[] allowed = new double[expected.length];
      for (int i = 0; i < expected.length; i++) {
        double silu = gate[0][i] / (1 + Math.exp(-gate[0][i]));
        double gateError = 1.1 * (numbers.error(backend) * gate[1][i] + 1e-6); // silu's slope
        double upError = numbers.error(backend) * up[1][i] + 1e-6;
        expected[i] = silu * up[0][i];
        allowed[i] = gateError * (Math.abs(up[0][i]) + upError) + Math.abs(silu) * upError;
      }
      Tolerance.assertClose(expected, buffers.floats(y), i -> allowed[i], size::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void wrongShapes_areRefused_namingBoth(Backend backend) {
    try (Buffers buffers = new Buffers(backend)) {
      NormedMatMul stage = backend.layers().normedMatMul();
      Norm norm = new Norm(buffers.empty(DType.F32, 8), EPSILON);
      Buffer x = buffers.empty(DType.F32, 2, 8);
      Linear linear = new Linear(buffers.empty(DType.BF16, 4, 8), null);
      Linear wider = new Linear(buffers.empty(DType.BF16, 4, 16), null);
      Buffer y = buffers.empty(DType.F32, 2, 4);

      assertRefused(IllegalArgumentException.class,
          () -> stage.multiply(x, norm, List.of(linear), x, List.of(y, y)), "1 linear", "not 2");
      assertRefused(IllegalArgumentException.class,
          () -> stage.multiply(x, norm, List.of(wider), x, List.of(y)), "[2][16] f32, not [2][8]");
      assertRefused(IllegalArgumentException.class,
          () -> stage.multiply(x, norm, List.of(linear), y, List.of(y)), "[2][8] f32, not [2][4]");
      assertRefused(IllegalArgumentException.class,
          () -> stage.multiply(buffers.empty(DType.F32, 2, 9), norm, List.of(linear), x,
              List.of(y)),
          "[2][8] f32, not [2][9]");
      assertRefused(IllegalArgumentException.class, () -> new GatedLinear(linear, wider), "[4][8]",
          "[4][16]");
      assertRefused(IllegalArgumentException.class,
          () -> stage.multiplyGated(x, norm, new GatedLinear(linear, linear), x, y, x),
          "[2][4] f32, not [2][8]");
    }
  }
}

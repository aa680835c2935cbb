package io.pariskv.layer;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertFalse;

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
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class MatMulTest {
  /** Few and many, for a backend that does them in other ways; 16 is the last of few. */
  private static final int[] ROWS = {1, 2, 5, 8, 9, 16, 17, 31, 70, 129, 300};
  private static final int[][] IN_OUT = {{1, 1}, {7, 3}, {8, 100}, {64, 64}, {100, 17}, {256, 33},
      {257, 130}, {1000, 9}, {1024, 68}, {2056, 40}, {136, 260}};

  /** Enough outputs for a GPU to take several at a time. */
  private static final List<Case> WIDE = List.of(new Case(1, 2056, 3201, DType.BF16, true, 0),
      new Case(16, 264, 3203, DType.BF16, false, 0), new Case(5, 520, 6401, DType.BF16, true, 0),
      new Case(12, 264, 6402, DType.BF16, true, 0));

  record Case(int rows, int in, int out, DType type, boolean bias, int offset) {
  }

  static Stream<Arguments> cases() {
    List<Case> cases = new ArrayList<>();
    for (DType type : Weights.TYPES) {
      for (int i = 0; i < IN_OUT.length; i++) {
        for (int j = 0; j < 3; j++) {
          int rows = ROWS[(i + 4 * j) % ROWS.length];
          cases
              .add(new Case(rows, IN_OUT[i][0], IN_OUT[i][1], type, (i + j) % 2 == 0, (i + j) % 3));
        }
      }
      cases.add(new Case(0, 8, 8, type, true, 0));
    }
    cases.addAll(WIDE);
    return TestBackends.withoutKv(cases.stream());
  }

  /** Many tiles each way and many steps along the inputs, as far as it is quick. */
  static Stream<Arguments> large() {
    List<Case> cases = new ArrayList<>(List.of(new Case(140, 1003, 130, DType.BF16, false, 1)));
    if (TestBackends.takesLongSizes()) {
      cases.add(new Case(1030, 4104, 4100, DType.BF16, true, 0));
      cases.add(new Case(300, 2056, 390, DType.F16, true, 0));
    } else if (TestBackends.onGpu()) { // a checker takes milliseconds for a step of a tile
      cases.add(new Case(257, 1032, 260, DType.BF16, true, 0));
    }
    return TestBackends.withoutKv(cases.stream());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void multiply_isWeightTimesInputPlusBias_andAddsIfAsked(Backend backend, Case size) {
    assertProduct(backend, size, IntStream.range(0, size.rows * size.out).toArray());
  }

  @ParameterizedTest
  @MethodSource("large")
  void largeProduct_isRight_whereverOneLooks(Backend backend, Case size) {
    int last = size.rows * size.out - 1;
    assertProduct(backend, size, IntStream.concat(IntStream.of(0, size.out - 1, last),
        Seeds.random(size, "where").ints(4_000, 0, last)).sorted().toArray());
  }

  private static void assertProduct(Backend backend, Case size, int[] where) {
    float[] x = RandomKv.normal(Seeds.random(size, "x"), size.rows * size.in);
    float[] w = RandomKv.normal(Seeds.random(size, "w"), size.out * size.in);
    float[] b = RandomKv.normal(Seeds.random(size, "b"), size.out);
    double[] expected = new double[where.length];
    double[] magnitude = new double[expected.length];
    for (int i = 0; i < expected.length; i++) {
      int o = where[i] % size.out;
      expected[i] = size.bias ? b[o] : 0;
      for (int j = 0; j < size.in; j++) {
        double product = (double) Weights.stored(w[o * size.in + j], size.type)
            * x[where[i] / size.out * size.in + j];
        expected[i] += product;
        magnitude[i] += Math.abs(product);
      }
    }
    try (Buffers buffers = new Buffers(backend)) {
      Buffer weight = buffers.place(Weights.of(w, size.type, size.offset, size.out, size.in));
      Linear linear = new Linear(weight, size.bias ? buffers.of(b, size.out) : null);
      Buffer y = buffers.empty(DType.F32, size.rows, size.out);
      MatMul matMul = backend.layers().matMul();

      Buffer input = buffers.of(x, size.rows, size.in);

      matMul.multiply(input, linear, y);

      double relative = matMul.roundsInputs(size.rows, size.type) ? rounded(size.in) : 4e-6;
      Tolerance.assertClose(expected, at(where, buffers.floats(y)),
          i -> relative * magnitude[i] + 1e-6, size::toString);

      matMul.multiplyAdd(input, linear, y);

      double[] twice = Arrays.stream(expected).map(each -> 2 * each).toArray();
      Tolerance.assertClose(twice, at(where, buffers.floats(y)),
          i -> 2 * relative * magnitude[i] + 2e-6, () -> size + ", twice");
    }
  }

  private static float[] at(int[] where, float[] all) {
    float[] some = new float[where.length];
    for (int i = 0; i < some.length; i++) {
      some[i] = all[where[i]];
    }
    return some;
  }

  /** Each input is off by 2^-8 of itself, and each sum of a tensor core, which cuts off, by 2^-23. */
  private static double rounded(int in) {
    return 0x1p-8 + in * 0x1p-23;
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void inputs_areRoundedForManyRowsAndBf16WeightsAlone(Backend backend) {
    MatMul matMul = backend.layers().matMul();
    for (DType type : Weights.TYPES) {
      assertFalse(matMul.roundsInputs(1, type));
      assertFalse(matMul.roundsInputs(16, type));
    }
    assertFalse(matMul.roundsInputs(8192, DType.F32));
    assertFalse(matMul.roundsInputs(8192, DType.F16));
  }

  /** Rows of a slice may lie where no wide load can begin. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void multiply_ofSlices_touchesNothingElse(Backend backend) {
    for (int rows : new int[]{1, 9, 20, 140}) {
      for (int in : new int[]{9, 40}) {
        int out = 11;
        float[] x = RandomKv.normal(Seeds.random(rows, in, "x"), (rows + 1) * in);
        float[] w = RandomKv.normal(Seeds.random(rows, in, "w"), (out + 1) * in);
        try (Buffers buffers = new Buffers(backend)) {
          Buffer weight = buffers.place(Weights.of(w, DType.F32, 0, out + 1, in));
          Buffer y = buffers.of(new float[(rows + 2) * out], rows + 2, out);

          backend.layers().matMul().multiply(buffers.of(x, rows + 1, in).slice(1, rows + 1),
              new Linear(weight.slice(1, out + 1), null), y.slice(1, rows + 1));

          double[] expected = new double[(rows + 2) * out];
          for (int i = out; i < expected.length - out; i++) {
            for (int j = 0; j < in; j++) {
              expected[i] += (double) w[(i % out + 1) * in + j] * x[i / out * in + j];
            }
          }
          Tolerance.assertClose(expected, buffers.floats(y), 1e-4, () -> rows + " rows of " + in);
        }
      }
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

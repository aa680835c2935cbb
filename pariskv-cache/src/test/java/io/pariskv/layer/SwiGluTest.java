package io.pariskv.layer;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Tolerance;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class SwiGluTest {

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void apply_isSiluOfGateTimesUp(Backend backend) {
    for (int width : new int[]{1, 3, 8, 17, 100, 1024, 1025}) {
      check(backend, 0, width);
      check(backend, 1, width);
      check(backend, 5, width);
    }
  }

  private static void check(Backend backend, int rows, int width) {
    float[] gate = RandomKv.normal(Seeds.random("gate", rows, width), rows * width);
    float[] up = RandomKv.normal(Seeds.random("up", rows, width), rows * width);
    double[] expected = new double[gate.length];
    for (int i = 0; i < gate.length; i++) {
      gate[i] *= i % 5 == 0 ? 40 : 3; // both tails of the sigmoid
      expected[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
    }
    if (gate.length > 2) {
      gate[1] = -1000; // exp overflows
      expected[1] = 0;
      gate[2] = 0;
      expected[2] = 0;
    }
    try (Buffers buffers = new Buffers(backend)) {
      SwiGlu swiGlu = backend.layers().swiGlu();
      Tolerance.Allowed tolerance = i -> 2e-6 * Math.abs(expected[i]) + 1e-9;
      Buffer out = buffers.empty(DType.F32, rows, width);
      Buffer gates = buffers.of(gate, rows, width);
      Buffer ups = buffers.of(up, rows, width);

      swiGlu.apply(gates, ups, out);
      Tolerance.assertClose(expected, buffers.floats(out), tolerance, () -> rows + " x " + width);

      swiGlu.apply(gates, ups, gates);
      Tolerance.assertClose(expected, buffers.floats(gates), tolerance, () -> "into the gate");

      swiGlu.apply(buffers.of(gate, rows, width), ups, ups);
      Tolerance.assertClose(expected, buffers.floats(ups), tolerance, () -> "into up");
    }
  }
}

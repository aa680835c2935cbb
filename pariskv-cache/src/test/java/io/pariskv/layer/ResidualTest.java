package io.pariskv.layer;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Buffer;
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
class ResidualTest {

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void add_isOneRoundedSumAnElement(Backend backend) {
    for (int width : new int[]{1, 3, 8, 17, 100, 1024, 1025}) {
      for (int rows : new int[]{0, 1, 3}) {
        float[] x = RandomKv.normal(Seeds.random("x", rows, width), rows * width);
        float[] y = RandomKv.normal(Seeds.random("y", rows, width), rows * width);
        float[] expected = x.clone();
        for (int i = 0; i < x.length; i++) {
          expected[i] += y[i];
        }
        try (Buffers buffers = new Buffers(backend)) {
          Buffer sum = buffers.of(x, rows, width);

          backend.layers().residual().add(sum, buffers.of(y, rows, width));

          Tolerance.assertSameBits(expected, buffers.floats(sum), () -> "residual sum");
        }
      }
    }
  }
}

package io.pariskv.layer;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class RotaryTest {
  private static final int[] POSITIONS = {0, 1, 2, 31, 1000, 4099, 131_072, 1_000_000};

  record Case(int headDim, int heads, float scale) {
  }

  static Stream<Arguments> cases() {
    return TestBackends
        .withoutKv(Stream.of(new Case(2, 1, 1), new Case(16, 7, 1), new Case(32, 3, 1.2f),
            new Case(64, 8, 1), new Case(80, 2, 1), new Case(96, 5, 0.9f), new Case(128, 4, 1),
            new Case(256, 1, 1)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void angles_areCosinesAndSinesOfTheRoundedAngle(Backend backend, Case size) {
    float[] frequencies = frequencies(size);
    int half = frequencies.length;
    double[] expected = new double[POSITIONS.length * 2 * half];
    for (int i = 0; i < expected.length; i++) {
      float angle = (float) POSITIONS[i / (2 * half)] * frequencies[i % half];
      expected[i] = size.scale * (i / half % 2 == 0 ? Math.cos(angle) : Math.sin(angle));
    }
    try (Buffers buffers = new Buffers(backend)) {
      Tolerance.assertClose(expected, buffers.floats(table(backend, buffers, size)), 5e-7,
          size::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void rotate_turnsEachPairByItsAngle(Backend backend, Case size) {
    int half = size.headDim / 2;
    int width = size.heads * size.headDim;
    float[] x = RandomKv.normal(Seeds.random(size), POSITIONS.length * width);
    try (Buffers buffers = new Buffers(backend)) {
      Buffer table = table(backend, buffers, size);
      float[] angles = buffers.floats(table);
      double[] expected = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        int angle = i / width * 2 * half + i % half;
        boolean first = i % size.headDim < half;
        double other = first ? -x[i + half] : x[i - half];
        expected[i] = (double) x[i] * angles[angle] + other * angles[angle + half];
      }
      Buffer rotated = buffers.of(x, POSITIONS.length, size.heads, size.headDim);

      backend.layers().rotary().rotate(rotated, table);

      Tolerance.assertClose(expected, buffers.floats(rotated), 2e-6, size::toString);
    }
  }

  private static Buffer table(Backend backend, Buffers buffers, Case size) {
    int rows = POSITIONS.length;
    Batch batch = new Batch(rows, buffers.of(new int[rows], rows), buffers.of(POSITIONS, rows));
    Buffer table = buffers.empty(DType.F32, rows, 2, size.headDim / 2);
    backend.layers().rotary().angles(batch, buffers.of(frequencies(size), size.headDim / 2),
        size.scale, table);
    return table;
  }

  private static float[] frequencies(Case size) {
    float[] frequencies = new float[size.headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = (float) Math.pow(10_000, -2.0 * i / size.headDim);
    }
    return frequencies;
  }
}

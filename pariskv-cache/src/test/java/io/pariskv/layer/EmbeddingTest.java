package io.pariskv.layer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Weights;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class EmbeddingTest {
  private static final int VOCABULARY = 50;

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void row_isTheTokensRowOfTheTable(Backend backend) {
    for (DType type : Weights.TYPES) {
      for (int width : new int[]{1, 7, 8, 16, 33, 100, 257}) {
        for (int offset : new int[]{0, 1, 2}) {
          check(backend, type, width, offset);
        }
      }
    }
  }

  private static void check(Backend backend, DType type, int width, int offset) {
    RandomGenerator random = Seeds.random(type, width, offset);
    float[] table = RandomKv.normal(random, VOCABULARY * width);
    int[] tokens = {3, 0, VOCABULARY - 1, 3, random.nextInt(VOCABULARY)};
    try (Buffers buffers = new Buffers(backend)) {
      Buffer out = buffers.empty(DType.F32, tokens.length, width);

      backend.layers().embedding().embed(buffers.of(tokens, tokens.length),
          buffers.place(Weights.of(table, type, offset, VOCABULARY, width)), out);

      float[] rows = buffers.floats(out);
      for (int i = 0; i < rows.length; i++) {
        float expected = Weights.stored(table[tokens[i / width] * width + i % width], type);
        assertEquals(expected, rows[i], type + ", width " + width + ", offset " + offset);
      }
    }
  }
}

package io.pariskv.layer;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Tolerance;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class RandomFillTest {
  private static final String BACKENDS = "io.pariskv.testing.TestBackends#all";
  private static final int[] SIZES = {0, 1, 2, 31, 33, 255, 257, 4_099, 70_001, 200_003};

  /** The JDK's SplittableRandom is the same SplitMix64. */
  private static float[] byDefinition(long seed, int count, float deviation) {
    SplittableRandom random = new SplittableRandom(seed);
    float scale = (float) (deviation / Math.sqrt((Math.pow(2, 32) - 1) / 3));
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      long bits = random.nextLong();
      int sum = 0;
      for (int part = 0; part < 4; part++) {
        sum += (char) (bits >>> 16 * part);
      }
      values[i] = (sum - 131_070) * scale;
    }
    return values;
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void f32_isTheDefinitionBitForBit(Backend backend) {
    try (Buffers buffers = new Buffers(backend)) {
      for (int size : SIZES) {
        long seed = Seeds.random("f32", size).nextLong();
        Buffer target = buffers.empty(DType.F32, size);

        backend.layers().randomFill().fill(target, seed, 0.02f);

        Tolerance.assertSameBits(byDefinition(seed, size, 0.02f), buffers.floats(target),
            () -> size + " elements of seed " + seed);
      }
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void bf16_isTheDefinitionRounded_andNothingAroundItChanges(Backend backend) {
    for (int size : SIZES) {
      long seed = Seeds.random("bf16", size).nextLong();
      float[] values = byDefinition(seed, size, 1.5f);
      short[] expected = new short[3 * size];
      for (int i = 0; i < size; i++) {
        expected[size + i] = Bf16.fromFloat(values[i]);
      }
      short[] actual = new short[3 * size];
      try (Buffers buffers = new Buffers(backend)) {
        Buffer all = buffers.empty(DType.BF16, 3, size);

        backend.layers().randomFill().fill(all.slice(1, 2), seed, 1.5f); // at any even address

        backend.download(all, MemorySegment.ofArray(actual));
      }
      assertArrayEquals(expected, actual, () -> size + " elements of seed " + seed);
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void numbers_haveTheDeviationAskedFor_andAreNearlyNormal(Backend backend) {
    int count = 200_000;
    try (Buffers buffers = new Buffers(backend)) {
      Buffer target = buffers.empty(DType.F32, 100, count / 100);
      backend.layers().randomFill().fill(target, 7, 2);
      double sum = 0;
      double squares = 0;
      int withinOne = 0;
      for (float value : buffers.floats(target)) {
        sum += value;
        squares += (double) value * value;
        withinOne += Math.abs(value) < 2 ? 1 : 0;
        assertTrue(Math.abs(value) < 2 * 3.47);
      }
      assertEquals(0, sum / count, 0.02);
      assertEquals(2, Math.sqrt(squares / count), 0.01);
      assertEquals(0.67, (double) withinOne / count, 0.02); // a normal distribution: 0.683
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void otherTypesAndDeviations_areRefused(Backend backend) {
    RandomFill fill = backend.layers().randomFill();
    try (Buffers buffers = new Buffers(backend)) {
      Buffer floats = buffers.empty(DType.F32, 3);
      assertRefused(IllegalArgumentException.class,
          () -> fill.fill(buffers.empty(DType.U8, 2, 3), 1, 1), "f32 or bf16", "[2][3] u8");
      for (float deviation : new float[]{-1, Float.NaN, Float.POSITIVE_INFINITY}) {
        assertRefused(IllegalArgumentException.class, () -> fill.fill(floats, 1, deviation),
            "deviation " + deviation, "finite");
      }
    }
  }

  @ParameterizedTest
  @MethodSource(BACKENDS)
  void moreThanTwoGigabytes_areFilledToTheirEnd(Backend backend) {
    assumeTrue(backend.name().equals("cuda"), "takes seconds and gigabytes on a CPU");
    int rows = 1_100;
    int width = 1_000_003;
    try (Allocator memory = backend.newAllocator()) {
      Buffer target = memory.allocate(DType.BF16, rows, width);
      backend.layers().randomFill().fill(target, 11, 1);
      for (int row : new int[]{0, 1_073, 1_074, rows - 1}) { // 2^31 bytes end in row 1,073
        short[] actual = new short[width];
        backend.download(target.slice(row, row + 1), MemorySegment.ofArray(actual));
        for (int i = 0; i < width; i += 997) {
          float value = RandomFill.value(11, (long) row * width + i, RandomFill.scale(1));
          assertEquals(Bf16.fromFloat(value), actual[i], "row " + row + ", element " + i);
        }
      }
    }
  }
}

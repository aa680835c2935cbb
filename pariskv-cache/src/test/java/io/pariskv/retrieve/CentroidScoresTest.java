package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.index.Coarse;
import io.pariskv.index.SignCentroids;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class CentroidScoresTest {
  private static final int COUNT = SignCentroids.COUNT;

  /** What the query blocks of a KV head are like. */
  enum Blocks {
    NORMAL, ZERO, ONE_NAN, ONE_INFINITE, TINY, JUST_LARGE_ENOUGH, HUGE, NEGATIVE_ZEROS, ROUND
  }

  static Stream<Arguments> sizes() {
    return TestBackends.with(Size.all().filter(size -> size.zones().getFirst() <= 1_000));
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void table_hasEveryScoreInBytesOfTheLargest(Backend backend, Size size) {
    int heads = size.rows() * size.kvHeads();
    float[] blocks = new float[heads * size.headDim()];
    RandomGenerator random = Seeds.random(size, "blocks");
    for (int head = 0; head < heads; head++) {
      Blocks kind = Blocks.values()[random.nextInt(Blocks.values().length)];
      fill(kind, random, blocks, head * size.headDim(), size.headDim());
    }
    try (Fixture fixture = new Fixture(backend, size, Coarse.SCORES).encode(size.budget())) {
      byte[] table = quantise(fixture, size, blocks);
      int perHead = size.subspaces() * COUNT;
      for (int head = 0; head < heads; head++) {
        if (size.zones().get(head / size.kvHeads()) == 0) {
          continue; // undefined
        }
        byte[] expected = byFormula(
            Arrays.copyOfRange(blocks, head * size.headDim(), (head + 1) * size.headDim()));
        assertArrayEquals(expected, Arrays.copyOfRange(table, head * perHead,
            (head + 1) * perHead), size + ", head " + head);
      }
    }
  }

  private static void fill(Blocks kind, RandomGenerator random, float[] blocks, int from,
      int width) {
    int one = from + random.nextInt(width);
    for (int i = from; i < from + width; i++) {
      float normal = (float) random.nextGaussian();
      blocks[i] = switch (kind) {
        case NORMAL -> normal;
        case ZERO -> 0;
        case ONE_NAN -> i == one ? Float.NaN : normal;
        case ONE_INFINITE -> i == one ? Float.NEGATIVE_INFINITY : normal;
        case TINY -> normal * 1e-37f;
        case JUST_LARGE_ENOUGH -> i == from ? 0x1p-100f : 0;
        case HUGE -> normal * 1e37f;
        case NEGATIVE_ZEROS -> i % 2 == 0 ? -0f : normal;
        case ROUND -> Math.round(normal);
      };
    }
  }

  private static byte[] byFormula(float[] p) {
    float[] scores = new float[p.length / 8 * COUNT];
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < scores.length; i++) {
      float[] signed = new float[8];
      for (int j = 0; j < 8; j++) {
        float number = p[i / COUNT * 8 + j];
        signed[j] = (i >> j & 1) == 1 ? number : -number;
      }
      float low = ((signed[0] + signed[1]) + signed[2]) + signed[3];
      float high = ((signed[4] + signed[5]) + signed[6]) + signed[7];
      scores[i] = low + high;
      largest = Math.max(largest, scores[i]);
    }
    byte[] table = new byte[scores.length];
    for (int i = 0; i < scores.length; i++) {
      table[i] = (byte) 32;
      if (largest >= 0x1p-100f && largest < Float.POSITIVE_INFINITY) {
        table[i] = (byte) (32 + (int) Math.rint(scores[i] * (31 / largest)));
      }
    }
    return table;
  }

  private static byte[] quantise(Fixture fixture, Size size, float[] blocks) {
    Buffer table = fixture.buffers().empty(DType.U8, size.rows(), size.kvHeads(),
        size.subspaces(), COUNT);
    fixture.backend().retrieval().centroidScores().quantise(fixture.index(), fixture.batch(),
        fixture.buffers().of(blocks, size.rows(), size.kvHeads(), size.headDim()), table);
    return fixture.buffers().bytes(table);
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void bestCentroidOfTheBestSubspaceHas63_andItsOpposite1(Backend backend) {
    Size size = new Size(List.of(1), 1, 1, 16, DType.F32, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size, Coarse.SCORES).encode(size.budget())) {
      float[] blocks = new float[16];
      Arrays.fill(blocks, 0, 8, 1);
      Arrays.fill(blocks, 8, 16, 0.5f);

      byte[] table = quantise(fixture, size, blocks);

      assertEquals(63, table[255]);
      assertEquals(1, table[0]);
      assertEquals(32 + 16, table[COUNT + 255]); // 15.5, halves to even
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void indexOfTiers_isRefused(Backend backend) {
    Size size = new Size(List.of(1), 1, 1, 16, DType.F32, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size).encode(size.budget())) {
      assertRefused(IllegalStateException.class, () -> quantise(fixture, size, new float[16]),
          "TIERS", "SCORES");
    }
  }
}

package io.pariskv.retrieve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.index.SignCentroids;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class CentroidTiersTest {
  private static final int COUNT = SignCentroids.COUNT;

  @ParameterizedTest
  @MethodSource({"io.pariskv.testing.TestBackends#withSizes",
      "io.pariskv.testing.TestBackends#withLongSizes"})
  void tiers_areThoseOfSortingAllCentroids(Backend backend, Size size) {
    float[] blocks = blocks(size);
    try (Fixture fixture = new Fixture(backend, size).encode(size.budget())) {
      byte[] tiers = rank(fixture, size, blocks);
      int perRow = size.kvHeads() * size.subspaces();
      for (int block = 0; block < size.rows() * perRow; block++) {
        int row = block / perRow;
        if (size.zones().get(row) == 0) {
          continue; // undefined
        }
        int[] populations = fixture.buffers()
            .ints(fixture.index().populations(Fixture.LAYER, fixture.slot(row)));
        int from = block % perRow * COUNT;
        byte[] expected = bySorting(Arrays.copyOfRange(blocks, block * 8, block * 8 + 8),
            Arrays.copyOfRange(populations, from, from + COUNT),
            size.budget().fields(size.zones().get(row)));
        assertArrayEquals(expected, Arrays.copyOfRange(tiers, block * COUNT, (block + 1) * COUNT),
            () -> size + ", row " + row);
      }
    }
  }

  /** Query blocks with every kind of tie. */
  private static float[] blocks(Size size) {
    RandomGenerator random = Seeds.random(size, "blocks");
    float[] blocks = RandomKv.normal(random, size.rows() * size.kvHeads() * size.headDim());
    for (int block = 0; block < blocks.length / 8; block++) {
      int kind = random.nextInt(6);
      for (int i = block * 8; i < block * 8 + 8; i++) {
        blocks[i] = switch (kind) {
          case 0 -> Math.round(blocks[i]);
          case 1 -> 0;
          case 2 -> i % 2 == 0 ? -0f : 0.5f;
          case 3 -> i % 8 == 5 ? Float.NaN : blocks[i];
          default -> blocks[i];
        };
      }
    }
    return blocks;
  }

  private static byte[] rank(Fixture fixture, Size size, float[] blocks) {
    Buffer tiers = fixture.buffers().empty(DType.U8, size.rows(), size.kvHeads(), size.subspaces(),
        COUNT);
    fixture.backend().retrieval().centroidTiers().rank(fixture.index(), Fixture.LAYER,
        fixture.batch(),
        fixture.buffers().of(blocks, size.rows(), size.kvHeads(), size.headDim()), tiers);
    return fixture.buffers().bytes(tiers);
  }

  private static byte[] bySorting(float[] p, int[] populations, int[] budget) {
    float[] scores = new float[COUNT];
    for (int c = 0; c < COUNT; c++) {
      float[] signed = new float[8];
      for (int j = 0; j < 8; j++) {
        signed[j] = (c >> j & 1) == 1 ? p[j] : -p[j];
      }
      float low = ((signed[0] + signed[1]) + signed[2]) + signed[3];
      float high = ((signed[4] + signed[5]) + signed[6]) + signed[7];
      float score = low + high;
      scores[c] = Float.isNaN(score) ? Float.NEGATIVE_INFINITY : score == 0 ? 0 : score;
    }
    List<Integer> order = IntStream.range(0, COUNT).boxed()
        .sorted((a, b) -> Float.compare(scores[b], scores[a])).toList(); // stable: ties by id
    byte[] tiers = new byte[COUNT];
    int before = 0;
    for (int c : order) {
      for (int tier = 1; tier <= 6; tier++) {
        if (before < budget[9 - tier]) {
          tiers[c] = (byte) tier;
        }
      }
      before += populations[c];
    }
    return tiers;
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void bestCentroid_hasWeightSixEvenWhenNoKeyHasIt(Backend backend) {
    Size size = new Size(List.of(1), 1, 1, 16, DType.F32, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size).encode(new RetrievalBudget(1, 1.0, 1.0))) {
      float[] blocks = new float[16];
      Arrays.fill(blocks, 1);

      byte[] tiers = rank(fixture, size, blocks);

      assertEquals(6, tiers[255]);
      assertEquals(6, tiers[COUNT + 255]);
    }
  }
}

package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeySummary;
import io.pariskv.index.SignCentroids;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class ScoreVoteTest {

  /** The sizes of all stages, and on a GPU a zone so long that a block has several parts of it. */
  static Stream<Arguments> sizes() {
    Size large = new Size(List.of(131_071, 31, 0, 4_099, 257), 3, 1, 32, DType.BF16,
        RandomKv.SPREAD_NORMS);
    return TestBackends.takesLongSizes()
        ? Stream.concat(TestBackends.withSizes(), TestBackends.with(Stream.of(large)))
        : TestBackends.withSizes();
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void votes_areTheLogarithmOfTheSumOfScoresTimesTheNorm(Backend backend, Size size) {
    byte[] table = table(size);
    int capacity = Collections.max(size.zones()) + Seeds.random(size, "room").nextInt(70);
    try (Fixture fixture = new Fixture(backend, size, Coarse.SCORES).encode(size.budget())) {
      byte[] votes = vote(fixture, size, table, capacity);
      for (int head = 0; head < size.rows() * size.kvHeads(); head++) {
        int slot = fixture.slot(head / size.kvHeads());
        int kvHead = head % size.kvHeads();
        int keys = size.zones().get(head / size.kvHeads());
        if (keys == 0) {
          continue;
        }
        int floor = fixture.buffers().ints(fixture.index().floors(Fixture.LAYER, slot))[kvHead];
        for (int key = 0; key < keys; key += 1 + keys / 5_000) {
          KeySummary summary = fixture.index().read(Fixture.LAYER, slot, kvHead, key);
          int expected = expected(summary, table, head, floor);
          int actual = Byte.toUnsignedInt(votes[head * capacity + key]);
          if (expected != actual) {
            assertEquals(expected, actual, size + ", KV head " + head + " of all, key " + key);
          }
        }
      }
    }
  }

  /** Scores of any kind, or all the largest, whose sums are the most that there can be. */
  private static byte[] table(Size size) {
    RandomGenerator random = Seeds.random(size, "table");
    byte[] table = new byte[size.rows() * size.kvHeads() * size.subspaces() * SignCentroids.COUNT];
    random.nextBytes(table);
    int kind = random.nextInt(4);
    for (int i = 0; i < table.length; i++) {
      table[i] = (byte) (kind == 0 ? 63 : 1 + (table[i] & 63) % 63);
    }
    return table;
  }

  private static int expected(KeySummary summary, byte[] table, int head, int floor) {
    int sum = 0;
    int subspaces = summary.ids().length;
    for (int b = 0; b < subspaces; b++) {
      int entry = (head * subspaces + b) * SignCentroids.COUNT + summary.ids()[b];
      sum += Byte.toUnsignedInt(table[entry]) - 32;
    }
    float x = sum * Bf16.toFloat(summary.norm());
    if (sum <= 0) {
      return 0;
    }
    int steps = Math.floorDiv(Float.floatToIntBits(x) - floor, 1 << 18);
    return Math.max(0, Math.min(255, steps));
  }

  private static byte[] vote(Fixture fixture, Size size, byte[] table, int capacity) {
    Buffer out = fixture.buffers().empty(DType.U8, size.rows(), size.kvHeads(), capacity);
    fixture.backend().retrieval().scoreVote().vote(fixture.index(), Fixture.LAYER,
        fixture.batch(), fixture.buffers().of(table, size.rows(), size.kvHeads(),
            size.subspaces(), SignCentroids.COUNT),
        out);
    return fixture.buffers().bytes(out);
  }

  /** Else the candidates at the threshold would be whichever come first. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void votesOfUsualKeys_areFineEnoughToTellThemApart(Backend backend) {
    for (RandomKv keys : List.of(RandomKv.NORMAL, RandomKv.COMMON_MEAN, RandomKv.SPREAD_NORMS)) {
      for (int headDim : new int[]{16, 64, 256}) {
        Size size = new Size(List.of(4_000), 1, 1, headDim, DType.BF16, keys);
        try (Fixture fixture = new Fixture(backend, size, Coarse.SCORES).encode(size.budget())) {
          float[] blocks = RandomKv.normal(Seeds.random(size, "blocks"), headDim);
          Buffer table = fixture.buffers().empty(DType.U8, 1, 1, headDim / 8,
              SignCentroids.COUNT);
          backend.retrieval().centroidScores().quantise(fixture.index(), fixture.batch(),
              fixture.buffers().of(blocks, 1, 1, headDim), table);

          byte[] votes = vote(fixture, size, fixture.buffers().bytes(table), 4_000);

          BitSet seen = new BitSet();
          int largest = 0;
          for (byte vote : votes) {
            seen.set(Byte.toUnsignedInt(vote));
            largest += vote == -1 ? 1 : 0;
          }
          assertTrue(seen.cardinality() >= 60, size + ": " + seen.cardinality() + " votes");
          assertTrue(largest < 40, size + ": " + largest + " keys have the largest vote");
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void votesWithTooLittleRoom_areRefusedWithBothShapes(Backend backend) {
    Size size = new Size(List.of(33), 2, 1, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size, Coarse.SCORES).encode(size.budget())) {
      assertRefused(IllegalArgumentException.class,
          () -> vote(fixture, size, new byte[2 * 2 * SignCentroids.COUNT], 32), "[1][2][33]",
          "[1][2][32]");
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void indexOfTiers_isRefused(Backend backend) {
    Size size = new Size(List.of(33), 2, 1, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size).encode(size.budget())) {
      assertRefused(IllegalStateException.class,
          () -> vote(fixture, size, new byte[2 * 2 * SignCentroids.COUNT], 33), "TIERS",
          "SCORES");
    }
  }
}

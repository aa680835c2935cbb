package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.index.SignCentroids;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
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
class CollisionVoteTest {

  /** The sizes of all stages, and on a GPU a zone so long that a block has several parts of it. */
  static Stream<Arguments> sizes() {
    Size large = new Size(List.of(131_071, 31, 0, 4_099, 257), 3, 1, 32, DType.BF16,
        RandomKv.NORMAL);
    return TestBackends.takesLongSizes()
        ? Stream.concat(TestBackends.withSizes(), TestBackends.with(Stream.of(large)))
        : TestBackends.withSizes();
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void votes_areTheSumOfTheTiersOfTheKeysCentroids(Backend backend, Size size) {
    RandomGenerator random = Seeds.random(size, "tiers");
    int subspaces = size.subspaces();
    byte[] tiers = new byte[size.rows() * size.kvHeads() * subspaces * SignCentroids.COUNT];
    boolean most = random.nextInt(4) == 0; // the largest sum a byte must hold
    for (int i = 0; i < tiers.length; i++) {
      tiers[i] = (byte) (most ? 6 : random.nextInt(7));
    }
    int capacity = Collections.max(size.zones()) + random.nextInt(70);
    try (Fixture fixture = new Fixture(backend, size).encode(size.budget())) {
      Buffer out = fixture.buffers().empty(DType.U8, size.rows(), size.kvHeads(), capacity);

      backend.retrieval().collisionVote().vote(fixture.index(), Fixture.LAYER, fixture.batch(),
          fixture.buffers().of(tiers, size.rows(), size.kvHeads(), subspaces,
              SignCentroids.COUNT),
          out);

      byte[] votes = fixture.buffers().bytes(out);
      for (int i = 0; i < size.rows() * size.kvHeads(); i++) {
        int slot = fixture.slot(i / size.kvHeads());
        int keys = size.zones().get(i / size.kvHeads());
        for (int key = 0; key < keys; key += 1 + keys / 5_000) {
          int[] ids = fixture.index().read(Fixture.LAYER, slot, i % size.kvHeads(), key).ids();
          int expected = 0;
          for (int b = 0; b < subspaces; b++) {
            expected += tiers[(i * subspaces + b) * SignCentroids.COUNT + ids[b]];
          }
          int actual = Byte.toUnsignedInt(votes[i * capacity + key]);
          if (expected != actual) {
            assertEquals(expected, actual, size + ", KV head " + i + " of all, key " + key);
          }
          assertTrue(actual <= 6 * subspaces);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void votesWithTooLittleRoom_areRefusedWithBothShapes(Backend backend) {
    Size size = new Size(List.of(33), 2, 1, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size).encode(size.budget())) {
      Buffer tiers = fixture.buffers().empty(DType.U8, 1, 2, 2, SignCentroids.COUNT);
      Buffer votes = fixture.buffers().empty(DType.U8, 1, 2, 32);

      assertRefused(IllegalArgumentException.class,
          () -> backend.retrieval().collisionVote().vote(fixture.index(), Fixture.LAYER,
              fixture.batch(), tiers, votes),
          "[1][2][33]", "[1][2][32]");
    }
  }
}

package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class HeadVotesTest {

  static Stream<Arguments> sizes() {
    Size longer = new Size(List.of(8_193, 9_000, 31), 2, 3, 16, DType.BF16, RandomKv.NORMAL);
    return TestBackends.with(Stream.concat(Size.all(), Stream.of(longer)));
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void votes_areTheLargestOfTheHeads_eachFromItsCut(Backend backend, Size size) {
    int heads = size.rows() * size.kvHeads();
    int capacity = Collections.max(size.zones()) + Seeds.random(size, "room").nextInt(70);
    byte[] votes = votes(size, heads * size.group(), capacity);
    try (Fixture fixture = new Fixture(backend, size).budget(size.budget())) {
      byte[] combined = combine(fixture, size, votes, capacity);
      for (int head = 0; head < heads; head++) {
        int keys = size.zones().get(head / size.kvHeads());
        int[] fields = size.budget().fields(keys);
        byte[] expected = new byte[keys];
        for (int i = 0; i < size.group(); i++) {
          int from = (i * heads + head) * capacity;
          raise(expected, Arrays.copyOfRange(votes, from, from + keys), fields[1]);
        }
        assertArrayEquals(expected,
            Arrays.copyOfRange(combined, head * capacity, head * capacity + keys),
            size + ", head " + head);
      }
    }
  }

  /** Bytes of any kind, of few levels, or all equal, by head. */
  private static byte[] votes(Size size, int heads, int capacity) {
    RandomGenerator random = Seeds.random(size, "votes");
    byte[] votes = new byte[heads * capacity];
    for (int head = 0; head < heads; head++) {
      int levels = List.of(1, 2, 40, 193, 256).get(random.nextInt(5));
      int least = random.nextInt(257 - levels);
      for (int key = 0; key < capacity; key++) {
        votes[head * capacity + key] = (byte) (least + random.nextInt(levels));
      }
    }
    return votes;
  }

  private static void raise(byte[] best, byte[] votes, int candidates) {
    if (votes.length == 0) {
      return;
    }
    int[] sorted = IntStream.range(0, votes.length).map(i -> Byte.toUnsignedInt(votes[i]))
        .sorted().toArray();
    int cut = sorted[sorted.length - candidates];
    for (int key = 0; key < votes.length; key++) {
      int vote = 128 + Byte.toUnsignedInt(votes[key]) - cut;
      int raised = Math.max(Byte.toUnsignedInt(best[key]), Math.max(0, Math.min(255, vote)));
      best[key] = (byte) raised;
    }
  }

  private static byte[] combine(Fixture fixture, Size size, byte[] votes, int capacity) {
    Buffer out = fixture.buffers().empty(DType.U8, size.rows(), size.kvHeads(), capacity);
    fixture.backend().retrieval().headVotes().combine(fixture.index(), fixture.batch(), fixture
        .buffers().of(votes, size.group(), size.rows(), size.kvHeads(), capacity), out);
    return fixture.buffers().bytes(out);
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void votesWithTooLittleRoom_areRefusedWithBothShapes(Backend backend) {
    Size size = new Size(List.of(33), 2, 4, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size).budget(size.budget())) {
      assertRefused(IllegalArgumentException.class,
          () -> combine(fixture, size, new byte[4 * 2 * 32], 32), "[1][2][33]", "[1][2][32]");
    }
  }
}

package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.TestBackends;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class BucketTopKTest {
  private static final int[] KEYS = {0, 1, 2, 31, 32, 33, 255, 256, 257, 1000, 1023, 1024, 1025,
      4095, 4096, 4097, 4099, 8200};

  /** Votes are below {@code levels}: 1 for all equal, 256 for every byte. */
  record Case(int keys, int candidates, int kvHeads, int rows, int levels) {

    /** The rows differ: the first has all keys, the second half, the third a third of them. */
    int keysOf(int row) {
      return keys / (row + 1);
    }

    /** The rows of the batch are the slots in reverse; slot 0 is another sequence, with a longer zone. */
    int slot(int row) {
      return rows - row;
    }
  }

  static Stream<Arguments> cases() {
    int[] levels = {1, 2, 7, 97, 193, 256};
    int[] kvHeads = {1, 2, 3, 8};
    int[] rows = {1, 2, 5};
    Stream<Case> cases = IntStream.of(KEYS)
        .boxed().flatMap(keys -> IntStream.of(0, 1, keys / 10, keys / 2, keys - 1, keys, keys + 3)
            .filter(candidates -> candidates >= 0).distinct()
            .mapToObj(candidates -> new Case(keys, candidates,
                kvHeads[(keys + candidates) % kvHeads.length],
                rows[(keys + 2 * candidates) % rows.length],
                levels[(keys + 5 * candidates) % levels.length])));
    return TestBackends.with(TestBackends.takesLongSizes()
        ? Stream.concat(cases, Stream.of(new Case(131_071, 13_108, 2, 2, 40),
            new Case(131_071, 1, 1, 5, 97), new Case(131_071, 131_071, 1, 1, 2)))
        : cases);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void candidates_areTheFirstOfSortingByVotesThenPosition(Backend backend, Case size) {
    RandomGenerator random = Seeds.random(size);
    int capacity = size.keys + random.nextInt(40);
    int room = Math.min(size.candidates, size.keys) + random.nextInt(5);
    byte[] votes = new byte[size.rows * size.kvHeads * capacity];
    for (int i = 0; i < votes.length; i++) {
      boolean isKey = i % capacity < size.keysOf(i / capacity / size.kvHeads);
      votes[i] = (byte) (isKey ? random.nextInt(size.levels) : 255);
    }
    try (Buffers buffers = new Buffers(backend); KeyIndex index = index(backend, size)) {
      Buffer out = buffers.empty(DType.I32, size.rows, size.kvHeads, room);
      Buffer in = buffers.of(votes, size.rows, size.kvHeads, capacity);

      backend.retrieval().bucketTopK().select(index, batch(buffers, size), in, out);
      backend.retrieval().bucketTopK().select(index, batch(buffers, size), in, out); // as the first

      int[] candidates = buffers.ints(out);
      for (int i = 0; i < size.rows * size.kvHeads; i++) {
        int[] expected = bySorting(votes, i * capacity, size.keysOf(i / size.kvHeads),
            size.candidates);
        assertArrayEquals(expected,
            Arrays.copyOfRange(candidates, i * room, i * room + expected.length), size::toString);
      }
    }
  }

  private static int[] bySorting(byte[] votes, int from, int keys, int candidates) {
    return IntStream.range(0, keys)
        .mapToLong(key -> (255L - Byte.toUnsignedInt(votes[from + key])) << 32 | key).sorted()
        .limit(candidates).mapToInt(voteAndKey -> (int) voteAndKey).sorted().toArray();
  }

  private static KeyIndex index(Backend backend, Case size) {
    KeyIndex index = backend.newKeyIndex(
        new KvShape(1, size.kvHeads, size.kvHeads, 64, DType.BF16), size.rows + 1);
    setBudget(index, 0, size.keys + 1_000, size.candidates + 1_000);
    for (int row = 0; row < size.rows; row++) {
      setBudget(index, size.slot(row), size.keysOf(row), size.candidates);
    }
    return index;
  }

  private static void setBudget(KeyIndex index, int slot, int keys, int candidates) {
    int[] budget = new int[KeyIndex.BUDGET_FIELDS];
    budget[0] = keys;
    budget[1] = candidates;
    index.setBudget(slot, budget);
  }

  private static Batch batch(Buffers buffers, Case size) {
    int[] slots = IntStream.range(0, size.rows).map(size::slot).toArray();
    return new Batch(size.rows, buffers.of(slots, size.rows),
        buffers.of(new int[size.rows], size.rows));
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void candidatesWithTooLittleRoom_areRefusedWithBothShapes(Backend backend) {
    Case size = new Case(40, 20, 1, 1, 7);
    try (Buffers buffers = new Buffers(backend); KeyIndex index = index(backend, size)) {
      Buffer votes = buffers.empty(DType.U8, 1, 1, 40);
      Buffer candidates = buffers.empty(DType.I32, 1, 1, 19);

      assertRefused(IllegalArgumentException.class,
          () -> backend.retrieval().bucketTopK().select(index, batch(buffers, size), votes,
              candidates),
          "[1][1][20]", "[1][1][19]");
    }
  }
}

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
import java.util.Comparator;
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
  /** Votes are below {@code levels}: 1 for all equal, 256 for every byte. */
  record Case(int keys, int candidates, int kvHeads, int rows, int levels) {
  }

  static Stream<Arguments> cases() {
    int[] levels = {1, 2, 7, 97, 193, 256};
    return TestBackends.with(IntStream.of(0, 1, 2, 31, 32, 33, 255, 256, 257, 1000, 1024, 4099)
        .boxed().flatMap(keys -> IntStream.of(0, 1, keys / 10, keys / 2, keys - 1, keys, keys + 3)
            .filter(candidates -> candidates >= 0).distinct()
            .mapToObj(candidates -> new Case(keys, candidates, 1 + (keys + candidates) % 3,
                1 + (keys + candidates) % 2, levels[(keys + 5 * candidates) % levels.length]))));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void candidates_areTheFirstOfSortingByVotesThenPosition(Backend backend, Case size) {
    RandomGenerator random = Seeds.random(size);
    int capacity = size.keys + random.nextInt(40);
    int room = Math.min(size.candidates, size.keys) + random.nextInt(5);
    byte[] votes = new byte[size.rows * size.kvHeads * capacity];
    for (int i = 0; i < votes.length; i++) {
      votes[i] = (byte) (i % capacity < size.keys ? random.nextInt(size.levels) : 255);
    }
    try (Buffers buffers = new Buffers(backend); KeyIndex index = index(backend, size)) {
      Buffer out = buffers.empty(DType.I32, size.rows, size.kvHeads, room);

      backend.retrieval().bucketTopK().select(index, batch(buffers, size),
          buffers.of(votes, size.rows, size.kvHeads, capacity), out);

      int[] candidates = buffers.ints(out);
      for (int i = 0; i < size.rows * size.kvHeads; i++) {
        int from = i * capacity;
        int[] expected = IntStream.range(0, size.keys).boxed()
            .sorted(Comparator.comparingInt(key -> -Byte.toUnsignedInt(votes[from + key])))
            .limit(size.candidates).mapToInt(Integer::intValue).sorted().toArray();
        assertArrayEquals(expected,
            Arrays.copyOfRange(candidates, i * room, i * room + expected.length), size::toString);
      }
    }
  }

  private static KeyIndex index(Backend backend, Case size) {
    KeyIndex index = backend.newKeyIndex(
        new KvShape(1, size.kvHeads, size.kvHeads, 64, DType.BF16), size.rows + 1);
    for (int slot = 0; slot < size.rows; slot++) {
      int[] budget = new int[KeyIndex.BUDGET_FIELDS];
      budget[0] = size.keys;
      budget[1] = size.candidates;
      index.setBudget(slot, budget);
    }
    return index;
  }

  private static Batch batch(Buffers buffers, Case size) {
    int[] slots = IntStream.range(0, size.rows).toArray();
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

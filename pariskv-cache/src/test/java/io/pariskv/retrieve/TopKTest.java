package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.pariskv.backend.Backend;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
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
class TopKTest {
  /** What the scores are like. */
  enum Scores {
    NORMAL, EQUAL, FEW_LEVELS, SPECIAL, ASCENDING, TINY_DIFFERENCES
  }

  record Case(int candidates, int keys, int k, int kvHeads, Scores scores) {
  }

  static Stream<Arguments> cases() {
    Scores[] kinds = Scores.values();
    return TestBackends.with(IntStream.of(0, 1, 2, 31, 32, 33, 255, 257, 1000, 1025, 4099).boxed()
        .flatMap(count -> IntStream.of(0, 1, 7, count / 2, count - 1, count, 5000)
            .filter(k -> k >= 0).distinct()
            .mapToObj(k -> new Case(count, 2 * count + k % 5, k, 1 + (count + k) % 3,
                kinds[(count + k) % kinds.length]))));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void selection_isTheFirstOfSortingByScoreThenPosition(Backend backend, Case size) {
    int rows = 2;
    RandomGenerator random = Seeds.random(size);
    int room = size.candidates + random.nextInt(9);
    int capacity = Math.min(size.k, size.candidates) + random.nextInt(3);
    int[] candidates = new int[rows * size.kvHeads * room];
    float[] scores = new float[candidates.length];
    for (int i = 0; i < candidates.length; i++) {
      int c = i % Math.max(1, room);
      candidates[i] = c < size.candidates ? 2 * c + random.nextInt(2) : -7;
      scores[i] = c < size.candidates ? score(size.scores, random, c) : Float.POSITIVE_INFINITY;
    }
    try (Buffers buffers = new Buffers(backend); KeyIndex index = index(backend, size, rows)) {
      Batch batch = new Batch(rows, buffers.of(new int[]{1, 0}, rows),
          buffers.of(new int[rows], rows));
      Selection out = selection(buffers, rows, size.kvHeads, capacity);

      backend.retrieval().topK().select(index, batch,
          buffers.of(candidates, rows, size.kvHeads, room),
          buffers.of(scores, rows, size.kvHeads, room), out);

      int[] counts = buffers.ints(out.counts());
      int[] positions = buffers.ints(out.positions());
      for (int i = 0; i < rows * size.kvHeads; i++) {
        int from = i * room;
        int[] expected = IntStream.range(0, size.candidates).boxed()
            .sorted(Comparator.comparingDouble(c -> -ordered(scores[from + c]))).limit(size.k)
            .mapToInt(c -> candidates[from + c]).sorted().toArray();
        assertArrayEquals(expected,
            Arrays.copyOfRange(positions, i * capacity, i * capacity + counts[i]),
            size::toString);
      }
    }
  }

  private static float score(Scores kind, RandomGenerator random, int c) {
    float[] special = {Float.NaN, -0f, 0, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY,
        -Float.MIN_VALUE, Float.MAX_VALUE, -1};
    return switch (kind) {
      case NORMAL -> (float) random.nextGaussian();
      case EQUAL -> -3;
      case FEW_LEVELS -> random.nextInt(4) - 2;
      case SPECIAL -> special[random.nextInt(special.length)];
      case ASCENDING -> c;
      case TINY_DIFFERENCES -> Float.intBitsToFloat(0xbf800000 + random.nextInt(5));
    };
  }

  /** NaN as negative infinity, one zero; a double, so that its negative is as exact. */
  private static double ordered(float score) {
    return Float.isNaN(score) ? Double.NEGATIVE_INFINITY : score == 0 ? 0 : score;
  }

  private static KeyIndex index(Backend backend, Case size, int rows) {
    KeyIndex index = backend.newKeyIndex(
        new KvShape(1, size.kvHeads, size.kvHeads, 64, DType.BF16), rows);
    for (int slot = 0; slot < rows; slot++) {
      int[] budget = new int[KeyIndex.BUDGET_FIELDS];
      budget[0] = size.keys;
      budget[1] = size.candidates;
      budget[2] = size.k;
      index.setBudget(slot, budget);
    }
    return index;
  }

  private static Selection selection(Buffers buffers, int rows, int kvHeads, int capacity) {
    return new Selection(buffers.empty(DType.I32, rows, kvHeads, capacity),
        buffers.empty(DType.I32, rows, kvHeads));
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void selectionWithTooLittleRoom_isRefusedWithBothShapes(Backend backend) {
    Case size = new Case(20, 40, 10, 1, Scores.NORMAL);
    try (Buffers buffers = new Buffers(backend); KeyIndex index = index(backend, size, 1)) {
      Batch batch = new Batch(1, buffers.of(new int[1], 1), buffers.of(new int[1], 1));
      Selection out = selection(buffers, 1, 1, 9);

      assertRefused(IllegalArgumentException.class,
          () -> backend.retrieval().topK().select(index, batch, buffers.empty(DType.I32, 1, 1, 20),
              buffers.empty(DType.F32, 1, 1, 20), out),
          "[1][1][10]", "[1][1][9]");
    }
  }
}

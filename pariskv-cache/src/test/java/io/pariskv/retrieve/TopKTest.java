package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

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

  record Case(int candidates, int keys, int k, int kvHeads, int rows, Scores scores) {

    /** The rows differ: the first has all candidates, the second half, the third a third of them. */
    int candidatesOf(int row) {
      return candidates / (row + 1);
    }

    /** The rows of the batch are the slots in reverse; slot 0 is another sequence, with more keys. */
    int slot(int row) {
      return rows - row;
    }
  }

  static Stream<Arguments> cases() {
    Scores[] kinds = Scores.values();
    int[] kvHeads = {1, 2, 3, 8};
    int[] rows = {1, 2, 5};
    Stream<Case> cases = IntStream.of(0, 1, 2, 31, 32, 33, 255, 257, 1000, 1023, 1024, 1025, 4099)
        .boxed()
        .flatMap(count -> IntStream.of(0, 1, 7, count / 2, count - 1, count, 5000)
            .filter(k -> k >= 0).distinct()
            .mapToObj(k -> new Case(count, 2 * count + k % 5, k,
                kvHeads[(count + k) % kvHeads.length], rows[(count + 2 * k) % rows.length],
                kinds[(count + k) % kinds.length])));
    Stream<Case> large = Stream.of(kinds).flatMap(kind -> IntStream.of(7, 2048, 5000)
        .mapToObj(k -> new Case(20_001, 40_000, k, 1, 2, kind)));
    Stream<Case> huge = TestBackends.takesLongSizes()
        ? Stream.of(kinds).map(kind -> new Case(131_071, 131_071, 100, 2, 1, kind))
        : Stream.empty();
    return TestBackends.with(Stream.concat(cases, Stream.concat(large, huge)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void selection_isTheFirstOfSortingByScoreThenPosition(Backend backend, Case size) {
    int rows = size.rows;
    RandomGenerator random = Seeds.random(size);
    int room = size.candidates + random.nextInt(9);
    int capacity = Math.min(size.k, size.candidates) + random.nextInt(3);
    int[] candidates = new int[rows * size.kvHeads * room];
    float[] scores = new float[candidates.length];
    for (int i = 0; i < candidates.length; i++) {
      int c = i % room;
      boolean isCandidate = c < size.candidatesOf(i / room / size.kvHeads);
      candidates[i] = isCandidate ? 2 * c + random.nextInt(2) : -7;
      scores[i] = isCandidate ? score(size.scores, random, c) : Float.POSITIVE_INFINITY;
    }
    try (Buffers buffers = new Buffers(backend); KeyIndex index = index(backend, size)) {
      int[] slots = IntStream.range(0, rows).map(size::slot).toArray();
      Batch batch = new Batch(rows, buffers.of(slots, rows), buffers.of(new int[rows], rows));
      Selection out = selection(buffers, rows, size.kvHeads, capacity);

      backend.retrieval().topK().select(index, batch,
          buffers.of(candidates, rows, size.kvHeads, room),
          buffers.of(scores, rows, size.kvHeads, room), out);

      int[] counts = buffers.ints(out.counts());
      int[] positions = buffers.ints(out.positions());
      for (int i = 0; i < rows * size.kvHeads; i++) {
        int from = i * room;
        int[] expected = bySorting(scores, from, size.candidatesOf(i / size.kvHeads), size.k)
            .map(c -> candidates[from + c]).toArray();
        assertEquals(expected.length, counts[i], size::toString);
        assertArrayEquals(expected,
            Arrays.copyOfRange(positions, i * capacity, i * capacity + counts[i]),
            size::toString);
      }
    }
  }

  /** Places of the {@code k} best: all above the score of the last of them, then the first at it. */
  private static IntStream bySorting(float[] scores, int from, int count, int k) {
    if (k == 0 || count == 0) {
      return IntStream.empty();
    }
    double[] ordered = IntStream.range(from, from + count).mapToDouble(i -> ordered(scores[i]))
        .toArray();
    double[] sorted = ordered.clone();
    Arrays.sort(sorted);
    double last = sorted[Math.max(count - k, 0)];
    long above = Arrays.stream(ordered).filter(score -> score > last).count();
    IntStream atLast = IntStream.range(0, count).filter(c -> ordered[c] == last)
        .limit(Math.min(k, count) - above);
    return IntStream.concat(IntStream.range(0, count).filter(c -> ordered[c] > last), atLast)
        .sorted();
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

  private static KeyIndex index(Backend backend, Case size) {
    KeyIndex index = backend.newKeyIndex(
        new KvShape(1, size.kvHeads, size.kvHeads, 64, DType.BF16), size.rows + 1);
    setBudget(index, 0, size.keys + 1_000, size.candidates + 1_000, size.k + 1_000);
    for (int row = 0; row < size.rows; row++) {
      setBudget(index, size.slot(row), size.keys, size.candidatesOf(row), size.k);
    }
    return index;
  }

  private static void setBudget(KeyIndex index, int slot, int... fields) {
    index.setBudget(slot, Arrays.copyOf(fields, KeyIndex.BUDGET_FIELDS));
  }

  private static Selection selection(Buffers buffers, int rows, int kvHeads, int capacity) {
    return new Selection(buffers.empty(DType.I32, rows, kvHeads, capacity),
        buffers.empty(DType.I32, rows, kvHeads));
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void selectionWithTooLittleRoom_isRefusedWithBothShapes(Backend backend) {
    Case size = new Case(20, 40, 10, 1, 1, Scores.NORMAL);
    try (Buffers buffers = new Buffers(backend); KeyIndex index = index(backend, size)) {
      Batch batch = new Batch(1, buffers.of(new int[]{size.slot(0)}, 1),
          buffers.of(new int[1], 1));
      Selection out = selection(buffers, 1, 1, 9);

      assertRefused(IllegalArgumentException.class,
          () -> backend.retrieval().topK().select(index, batch, buffers.empty(DType.I32, 1, 1, 20),
              buffers.empty(DType.F32, 1, 1, 20), out),
          "[1][1][10]", "[1][1][9]");
    }
  }
}

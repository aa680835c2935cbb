package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Selection;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
class SelectionCountsTest {
  private static final int BINS = ContextBins.BINS;
  private static final int STEPS = ContextBins.STEPS;

  /**
   * @param zones keys of each sequence
   * @param most keys that a head selects
   */
  record Case(List<Integer> zones, int heads, int most, int width) {
    Size size() {
      return new Size(zones, 2, 3, 16, DType.BF16, RandomKv.ZERO);
    }
  }

  static Stream<Arguments> cases() {
    return TestBackends.with(Stream.of(new Case(List.of(0), 2, 1, 1),
        new Case(List.of(33, 0, 257), 6, 100, 2), new Case(List.of(250, 1), 2, 300, 1),
        new Case(List.of(31, 255, 1, 64, 1025), 2, 33, 7), new Case(List.of(4_099), 6, 4_099, 17),
        new Case(List.of(9_001, 3), 2, 9_001, 10)));
  }

  /** Two layers of a step, and what was there before. */
  @ParameterizedTest
  @MethodSource("cases")
  void counts_areThoseOfEveryKeyOfEveryHead_andTheNextStepBeginsAtZero(Backend backend, Case of) {
    int rows = of.zones.size();
    RandomGenerator random = Seeds.random(of);
    long[] sums = random.longs((long) rows * BINS, 0, 1L << 40).toArray();
    int[] steps = random.ints((long) rows * STEPS * BINS, 0, 1000).toArray();
    int[] widths = new int[rows];
    Arrays.fill(widths, of.width);
    try (Fixture fixture = new Fixture(backend, of.size())) {
      Buffers buffers = fixture.buffers();
      ContextBins bins = new ContextBins(buffers.of(widths, rows),
          buffers.empty(DType.I64, rows, BINS),
          buffers.of(steps, rows, STEPS, BINS));
      backend.upload(MemorySegment.ofArray(sums), bins.sums());
      for (boolean first : new boolean[]{true, false}) {
        int[] counts = new int[rows * of.heads];
        int[] positions = new int[counts.length * of.most];
        Arrays.fill(positions, Integer.MAX_VALUE); // beyond the count
        for (int head = 0; head < counts.length; head++) {
          counts[head] = choose(of, head, random, positions);
        }

        backend.selection().counts().add(fixture.kv(), fixture.batch(), new Selection(
            buffers.of(positions, rows, of.heads, of.most), buffers.of(counts, rows, of.heads)),
            first, bins);

        expect(fixture, of, first, positions, counts, sums, steps);
        assertArrayEquals(steps, buffers.ints(bins.steps()));
        long[] added = new long[sums.length];
        backend.download(bins.sums(), MemorySegment.ofArray(added));
        assertArrayEquals(sums, added);
      }
    }
  }

  /** Some keys of the zone, the last one if there are several; returns how many. */
  private static int choose(Case of, int head, RandomGenerator random, int[] positions) {
    int keys = of.zones.get(head / of.heads);
    int count = random.nextInt(Math.min(keys, of.most) + 1);
    for (int i = 0; i < count; i++) {
      positions[head * of.most + i] = i == count - 1 ? keys - 1 : random.nextInt(keys);
    }
    return count;
  }

  private static void expect(Fixture fixture, Case of, boolean first, int[] positions,
      int[] counts, long[] sums, int[] steps) {
    for (int head = 0; head < counts.length; head++) {
      int slot = fixture.slot(head / of.heads);
      int position = fixture.length(head / of.heads) - 1;
      if (first && head % of.heads == 0) {
        int next = (slot * STEPS + (position + 1) % STEPS) * BINS;
        Arrays.fill(steps, next, next + BINS, 0);
      }
      for (int i = 0; i < counts[head]; i++) {
        int bin = Math.min((Fixture.SINK + positions[head * of.most + i]) / of.width, BINS - 1);
        sums[slot * BINS + bin]++;
        steps[(slot * STEPS + position % STEPS) * BINS + bin]++;
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void binsOfAnotherNumberOfSlots_areRefusedWithBoth(Backend backend) {
    try (Fixture fixture = new Fixture(backend, new Case(List.of(40), 2, 1, 1).size())) {
      Buffers buffers = fixture.buffers();
      ContextBins bins = new ContextBins(buffers.empty(DType.I32, 2),
          buffers.empty(DType.I64, 2, BINS), buffers.empty(DType.I32, 2, STEPS, BINS));
      Selection of = new Selection(buffers.empty(DType.I32, 1, 2, 3),
          buffers.empty(DType.I32, 1, 2));
      Selection two = new Selection(buffers.empty(DType.I32, 2, 2, 3),
          buffers.empty(DType.I32, 2, 2));
      SelectionCounts stage = backend.selection().counts();

      assertRefused(IllegalArgumentException.class,
          () -> stage.add(fixture.kv(), fixture.batch(), of, true, bins), "widths", "[1]", "[2]");
      assertRefused(IllegalArgumentException.class,
          () -> stage.add(fixture.kv(), fixture.batch(), two, true, bins), "selection", "[1][2][3]",
          "[2][2][3]");
    }
  }
}

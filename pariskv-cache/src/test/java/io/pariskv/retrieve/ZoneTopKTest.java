package io.pariskv.retrieve;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
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
class ZoneTopKTest {

  /** @param heads in a row, of the {@code 2 * 3} query heads or the two KV heads */
  record Case(List<Integer> zones, int heads, int unit, int most, int kind) {
    Size size() {
      return new Size(zones, 2, 3, 16, DType.BF16, RandomKv.ZERO);
    }

    int items(int row) {
      return (zones.get(row) + unit - 1) / unit;
    }
  }

  static Stream<Arguments> cases() {
    List<List<Integer>> zones = List.of(List.of(0), List.of(1, 0), List.of(33, 7, 257),
        List.of(1000), List.of(1025, 3), List.of(4099));
    List<Case> cases = new ArrayList<>();
    for (List<Integer> each : zones) {
      for (int unit : new int[]{1, 16, 64}) {
        for (int most : new int[]{0, 1, 6, 100, 5000}) {
          cases.add(new Case(each, cases.size() % 2 == 0 ? 2 : 6, unit, most, cases.size() % 5));
        }
      }
    }
    if (TestBackends.takesLongSizes()) {
      cases.add(new Case(List.of(131_071), 2, 1, 100, 0));
      cases.add(new Case(List.of(131_071, 5), 6, 16, 127, 1));
    }
    return TestBackends.with(cases.stream());
  }

  private static float score(int kind, RandomGenerator random) {
    float[] special = {Float.NaN, -0f, 0, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY, -1};
    return switch (kind) {
      case 0 -> (float) random.nextGaussian();
      case 1 -> random.nextInt(4) - 2;
      case 2 -> -3;
      case 3 -> special[random.nextInt(special.length)];
      default -> Float.intBitsToFloat(0x3f800000 + random.nextInt(5));
    };
  }

  @ParameterizedTest
  @MethodSource("cases")
  void selection_isTheKeysOfTheFirstItemsBySortingByScoreThenPosition(Backend backend, Case size) {
    RandomGenerator random = Seeds.random(size);
    int rows = size.zones.size();
    int most = IntStream.range(0, rows).map(size::items).max().orElseThrow();
    int room = most + random.nextInt(4);
    int capacity = Math.max(1, Math.min(size.most, room) * size.unit);
    float[] scores = new float[rows * size.heads * room];
    for (int i = 0; i < scores.length; i++) {
      boolean exists = i % room < size.items(i / room / size.heads);
      scores[i] = exists ? score(size.kind, random) : Float.POSITIVE_INFINITY;
    }
    try (Fixture fixture = new Fixture(backend, size.size())) {
      Buffers buffers = fixture.buffers();
      Selection out = new Selection(buffers.empty(DType.I32, rows, size.heads, capacity),
          buffers.empty(DType.I32, rows, size.heads));

      backend.selection().zoneTopK().select(fixture.kv(), fixture.batch(),
          buffers.of(scores, rows, size.heads, room), size.unit, size.most, out);

      int[] counts = buffers.ints(out.counts());
      int[] positions = buffers.ints(out.positions());
      for (int head = 0; head < rows * size.heads; head++) {
        int row = head / size.heads;
        int[] best = best(scores, head * room, size.items(row), size.most);
        int[] expected = IntStream.of(best).flatMap(item -> IntStream.range(item * size.unit,
            Math.min((item + 1) * size.unit, size.zones.get(row)))).toArray();
        assertArrayEquals(expected,
            Arrays.copyOfRange(positions, head * capacity, head * capacity + counts[head]),
            size::toString);
      }
    }
  }

  private static int[] best(float[] scores, int from, int count, int most) {
    return IntStream.range(0, count).boxed()
        .sorted(Comparator.<Integer>comparingDouble(i -> -ordered(scores[from + i]))
            .thenComparing(i -> i))
        .limit(most).mapToInt(Integer::intValue).sorted().toArray();
  }

  private static double ordered(float score) {
    return Float.isNaN(score) ? Double.NEGATIVE_INFINITY : score == 0 ? 0 : score;
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void slotsWithNumbersOfTheirOwn_selectAsManyAsThose_butNotMoreThanThereIsRoomFor(
      Backend backend) {
    int[] most = {0, 3, 40, 90, 7}; // of the slots: the rows in reverse
    Size size = new Size(List.of(300, 200, 33, 50, 8), 2, 1, 16, DType.BF16, RandomKv.ZERO);
    for (int unit : new int[]{1, 4}) {
      try (Fixture fixture = new Fixture(backend, size)) {
        Buffers buffers = fixture.buffers();
        Buffer scores = buffers.of(RandomKv.normal(Seeds.random("scores"), 5 * 2 * 300), 5, 2, 300);
        Selection all = new Selection(buffers.empty(DType.I32, 5, 2, 60L * unit),
            buffers.empty(DType.I32, 5, 2));
        backend.selection().zoneTopK().select(fixture.kv(), fixture.batch(), scores, unit,
            buffers.of(most, 5), all);
        int[] counts = buffers.ints(all.counts());
        int[] positions = buffers.ints(all.positions());
        for (int row = 0; row < 5; row++) {
          Selection one = new Selection(buffers.empty(DType.I32, 5, 2, 60L * unit),
              buffers.empty(DType.I32, 5, 2));
          backend.selection().zoneTopK().select(fixture.kv(), fixture.batch(), scores, unit,
              Math.min(60, most[fixture.slot(row)]), one);
          for (int head = 2 * row; head < 2 * row + 2; head++) {
            int from = head * 60 * unit;
            assertEquals(buffers.ints(one.counts())[head], counts[head]);
            assertArrayEquals(
                Arrays.copyOfRange(buffers.ints(one.positions()), from, from + counts[head]),
                Arrays.copyOfRange(positions, from, from + counts[head]));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void selectionWithTooLittleRoom_isRefusedWithBothShapes(Backend backend) {
    Size size = new Size(List.of(40), 2, 1, 16, DType.BF16, RandomKv.ZERO);
    try (Fixture fixture = new Fixture(backend, size)) {
      Buffers buffers = fixture.buffers();
      Selection out = new Selection(buffers.empty(DType.I32, 1, 2, 31),
          buffers.empty(DType.I32, 1, 2));
      ZoneTopK stage = backend.selection().zoneTopK();

      assertRefused(IllegalArgumentException.class, () -> stage.select(fixture.kv(),
          fixture.batch(), buffers.empty(DType.F32, 1, 2, 3), 16, 2, out), "selection",
          "[1][2][32]", "[1][2][31]");
      assertRefused(IllegalArgumentException.class, () -> stage.select(fixture.kv(),
          fixture.batch(), buffers.empty(DType.F32, 1, 3, 3), 1, 2, out), "scores", "[1][2]",
          "[1][3][3]");
      assertRefused(IllegalArgumentException.class, () -> stage.select(fixture.kv(),
          fixture.batch(), buffers.empty(DType.F32, 1, 2, 3), 0, 2, out), "2 items of 0 keys");
      assertRefused(IllegalArgumentException.class, () -> stage.select(fixture.kv(),
          fixture.batch(), buffers.empty(DType.F32, 1, 2, 3), 1, buffers.empty(DType.I32, 2),
          out), "items of slots", "[1]", "[2]");
    }
  }
}

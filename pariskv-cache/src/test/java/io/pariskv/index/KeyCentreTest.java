package io.pariskv.index;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Seeded
@Tag("stages")
class KeyCentreTest {

  /** The sizes of all stages, and zones of which only some keys are looked at. */
  static Stream<Arguments> sizes() {
    Stream<Size> longer = Stream.of(
        new Size(List.of(8_200), 1, 1, 256, DType.BF16, RandomKv.COMMON_MEAN),
        new Size(List.of(2_049, 5_000), 3, 1, 16, DType.F32, RandomKv.SPREAD_NORMS));
    Stream<Size> all = Stream.concat(Size.all(), longer);
    return TestBackends
        .with(TestBackends.takesLongSizes() ? Stream.concat(all, Size.longest()) : all);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void centreAndFloor_areTheMeanAndTheSpreadOfTheSamples(Backend backend, Size size) {
    try (Fixture fixture = new Fixture(backend, size, Coarse.SCORES)) {
      KeyIndex index = fixture.index();
      for (int row = 0; row < size.rows(); row++) {
        int keys = size.zones().get(row);
        if (keys == 0) {
          continue;
        }
        int slot = fixture.slot(row);
        index.reserve(slot, keys);

        backend.retrieval().keyCentre().find(fixture.kv(), Fixture.LAYER, slot, Fixture.SINK, keys,
            index);

        float[] centres = fixture.buffers().floats(index.centres(Fixture.LAYER, slot));
        int[] floors = fixture.buffers().ints(index.floors(Fixture.LAYER, slot));
        for (int kvHead = 0; kvHead < size.kvHeads(); kvHead++) {
          check(fixture, size, row, kvHead, Arrays.copyOfRange(centres,
              kvHead * size.headDim(), (kvHead + 1) * size.headDim()), floors[kvHead]);
        }
      }
    }
  }

  private static void check(Fixture fixture, Size size, int row, int kvHead, float[] centre,
      int floor) {
    int keys = size.zones().get(row);
    int samples = Math.min(keys, 1_024);
    float[] expected = new float[centre.length];
    double spread2 = 0;
    float[][] sampled = IntStream.range(0, samples)
        .mapToObj(
            i -> fixture.key(row, kvHead, Fixture.SINK + KeyCentre.sample(i, keys)))
        .toArray(float[][]::new);
    for (int j = 0; j < centre.length; j++) {
      double[] numbers = new double[samples];
      double[] squares = new double[samples];
      for (int i = 0; i < samples; i++) {
        numbers[i] = sampled[i][j];
        squares[i] = numbers[i] * numbers[i];
      }
      expected[j] = (float) (sum(numbers, 0, 16) / samples);
      spread2 += sum(squares, 0, 16) / samples;
      spread2 -= (double) expected[j] * expected[j];
    }
    Tolerance.assertSameBits(expected, centre, size::toString);
    float most = (float) (31 * (centre.length / 8) * Math.sqrt(Math.max(0, spread2)));
    int bits = Float.floatToIntBits(most) - (7 << 23);
    assertEquals(spread2 > 0 ? Math.max(0, bits) : 0, floor, size::toString);
  }

  /** The sum of every {@code step}-th number: a pair of sums until there are 16 of them. */
  private static double sum(double[] numbers, int first, int step) {
    double sum = 0;
    for (int i = first; i < numbers.length; i += step) {
      sum += numbers[i];
    }
    if (step < 16 || first > 0) {
      return sum;
    }
    double[] sums = IntStream.range(0, 16).mapToDouble(p -> p == 0 ? 0 : sum(numbers, p, 16))
        .toArray();
    sums[0] = sum;
    return halves(sums);
  }

  private static double halves(double[] sums) {
    if (sums.length == 1) {
      return sums[0];
    }
    int half = sums.length / 2;
    return halves(IntStream.range(0, half).mapToDouble(p -> sums[p] + sums[p + half]).toArray());
  }

  @Test
  void samples_areSpreadOverAllKeys_eachInItsShareOfThem() {
    for (int keys : new int[]{1, 1_023, 1_024, 1_025, 4_096, 131_071, 1 << 21,
        Integer.MAX_VALUE}) {
      Set<Integer> seen = new HashSet<>();
      int samples = Math.min(keys, KeyCentre.SAMPLES);
      for (int i = 0; i < samples; i++) {
        int position = KeyCentre.sample(i, keys);
        assertTrue(position >= (long) i * keys / samples
            && position <= (i + 1L) * keys / samples && position < keys, keys + ": " + position);
        seen.add(position);
      }
      assertTrue(seen.size() > samples * 0.6, keys + ": " + seen.size());
    }
  }

  @Test
  void centre_comesFromAtLeastHalfOfTheZone_andChangesWhenItHasDoubled() {
    int changes = 0;
    for (int zone = 1; zone < 100_000; zone++) {
      int keys = KeyCentre.keysOfCentre(zone);
      assertTrue(keys <= zone && 2 * keys > zone);
      changes += keys == KeyCentre.keysOfCentre(zone - 1) ? 0 : 1;
    }
    assertEquals(17, changes);
    assertEquals(0, KeyCentre.keysOfCentre(0));
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void indexOfTiers_andZonesWithoutKeys_areRefused(Backend backend) {
    Size size = new Size(List.of(33), 2, 1, 16, DType.BF16, RandomKv.NORMAL);
    for (Coarse coarse : Coarse.values()) {
      try (Fixture fixture = new Fixture(backend, size, coarse).encode(size.budget())) {
        boolean tiers = coarse == Coarse.TIERS;
        assertRefused(tiers ? IllegalStateException.class : IllegalArgumentException.class,
            () -> backend.retrieval().keyCentre().find(fixture.kv(), Fixture.LAYER, 0,
                Fixture.SINK, tiers ? 8 : 0, fixture.index()),
            tiers ? "TIERS" : "at least 1 key, not 0");
      }
    }
  }
}

package io.pariskv.kv;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import java.util.HashMap;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@Seeded
class ClockCacheTest {
  private final ClockCache cache = new ClockCache(4);

  private void select(int misses, int[] order, int[] places, int... selected) {
    ClockCache.Step step = cache.select(selected);
    assertEquals(misses, step.misses());
    assertArrayEquals(order, step.positions());
    assertArrayEquals(places, step.places());
  }

  private static int[] of(int... numbers) {
    return numbers;
  }

  @Test
  void missesComeFirst_rowsUsedAgainGetASecondChance_andTheHandGoesRound() {
    select(3, of(5, 7, 9), of(0, 1, 2), 5, 7, 9);
    select(1, of(8, 5, 9), of(3, 0, 2), 5, 8, 9);
    select(1, of(1), of(1), 1); // passes 5, which was used again, and takes the place of 7
    select(2, of(2, 3), of(3, 0), 2, 3); // passes 9 too, takes that of 8, and 5 has had its chance
    select(2, of(4, 6, 9), of(1, 3, 2), 4, 6, 9);
  }

  @Test
  void asManyAsPlaces_fit_notMore() {
    select(4, of(1, 2, 3, 4), of(0, 1, 2, 3), 1, 2, 3, 4);
    select(0, of(1, 2, 3, 4), of(0, 1, 2, 3), 1, 2, 3, 4);
    select(4, of(5, 6, 7, 8), of(0, 1, 2, 3), 5, 6, 7, 8);
    select(0, of(), of());
    assertRefused(IllegalArgumentException.class, () -> cache.select(1, 2, 3, 4, 5), "5", "4");
    cache.forget();
    select(1, of(5), of(0), 5);
  }

  @Test
  void aPlace_neverHasTwoPositions_andAPositionNeverTwoPlaces() {
    RandomGenerator random = Seeds.random("clock");
    ClockCache large = new ClockCache(37);
    Map<Integer, Integer> places = new HashMap<>();
    for (int step = 0; step < 300; step++) {
      int[] selected = IntStream.generate(() -> random.nextInt(90)).distinct().limit(20).sorted()
          .toArray();
      ClockCache.Step found = large.select(selected);
      for (int i = 0; i < selected.length; i++) {
        int place = found.places()[i];
        int position = found.positions()[i];
        assertEquals(i >= found.misses(), places.containsValue(position)
            && Integer.valueOf(position).equals(places.get(place)));
        places.values().remove(position);
        places.put(place, position);
      }
    }
  }
}

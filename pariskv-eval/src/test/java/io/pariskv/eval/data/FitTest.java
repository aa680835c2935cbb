package io.pariskv.eval.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FitTest {

  @Test
  void largest_isTheLargest_ofAnyGrowth() {
    Random random = new Random(5);
    for (int round = 0; round < 500; round++) {
      int[] tokens = new int[1 + random.nextInt(400)];
      int most = 1 + random.nextInt(50);
      for (int i = 1; i < tokens.length; i++) {
        tokens[i] = tokens[i - 1] + random.nextInt(most);
      }
      int limit = random.nextInt(tokens[tokens.length - 1] + 10);
      int smallest = random.nextInt(tokens.length);
      int expected = tokens.length - 1;
      while (expected >= smallest && tokens[expected] > limit) {
        expected--;
      }
      OptionalInt found = Fit.largest(smallest, tokens.length - 1, limit, 0, n -> tokens[n]);
      // Where sizes have equal tokens, and those are the limit, any of them fills it.
      assertEquals(expected < smallest, found.isEmpty());
      found.ifPresent(
          size -> assertTrue(tokens[size] == tokens[Math.max(smallest, findLast(tokens, limit))]));
    }
  }

  private static int findLast(int[] tokens, int limit) {
    int last = tokens.length - 1;
    while (last > 0 && tokens[last] > limit) {
      last--;
    }
    return last;
  }

  @Test
  void linearGrowth_takesFewCounts() {
    int[] counts = {0};
    int size = Fit.largest(1, Integer.MAX_VALUE, 131_072 - 128, 0, n -> {
      counts[0]++;
      return 300 + 13 * n;
    }).orElseThrow();
    assertEquals((131_072 - 128 - 300) / 13, size);
    assertTrue(counts[0] <= 20, counts[0] + " counts");
  }

  @Test
  void slack_endsTheSearchEarly() {
    int size = Fit.largest(0, 1_000_000, 1000, 50, n -> n / 7).orElseThrow();
    assertTrue(size / 7 <= 1000 && size / 7 >= 950, "tokens " + size / 7);
  }
}

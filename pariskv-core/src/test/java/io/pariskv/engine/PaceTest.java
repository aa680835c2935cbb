package io.pariskv.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How long streams wait while layers take as long as the test says. Times in microseconds. */
class PaceTest {
  private static final int MOST = 100_000;
  private static final int LAYERS = 32;

  private long now = 1_000_000_000L;
  private long longestWait;
  private int steps;
  private int questions;
  private long steppedAt;
  private final Pace pace = new Pace(Duration.ofNanos(1_000L * MOST), () -> now);

  private void step(long takes) {
    longestWait = Math.max(longestWait, now - steppedAt);
    now += 1_000 * takes;
    pace.stepped();
    steppedAt = now;
    steps++;
  }

  /** A pass, and the step after it. */
  private void pass(long layerTakes, long stepTakes) {
    int next = 0;
    for (int layer = 0; layer < LAYERS; layer++) {
      if (layer == next) {
        questions++;
        int ahead = pace.ahead(layer);
        if (pace.stepIsDue(ahead)) {
          step(stepTakes);
        }
        pace.resumes(layer);
        next = layer + ahead;
      }
      now += 1_000 * layerTakes;
    }
    step(stepTakes);
  }

  private void begin() {
    steppedAt = now;
    pace.stepped();
  }

  @ParameterizedTest
  @CsvSource({"10, 5000", "3400, 10000", "14000, 10000", "56000, 30000", "99000, 1000"})
  void streamsWaitNoLonger_whateverALayerTakes(long layerTakes, long stepTakes) {
    begin();
    for (int i = 0; i < 20; i++) {
      pass(layerTakes, stepTakes);
    }
    assertTrue(longestWait <= 1_000L * MOST, "waited " + longestWait / 1_000 + " us");
    long fewest = 20L * LAYERS * layerTakes / MOST;
    assertTrue(steps >= fewest && steps <= 20 + 2 * fewest, steps + " steps");
  }

  @Test
  void layerThatTakesLongerThanTheWait_isFollowedByAStep() {
    begin();
    pass(250_000, 10_000);
    assertTrue(longestWait <= 2_000L * 250_000, "waited " + longestWait / 1_000 + " us");
    longestWait = 0;
    pass(250_000, 10_000);
    assertEquals(1_000L * 250_000, longestWait);
  }

  @Test
  void passesThatGetLonger_areNoticedAfterALayer() {
    begin();
    pass(1_000, 5_000);
    for (long layer = 2_000; layer < 90_000; layer *= 2) {
      longestWait = 0;
      pass(layer, 5_000);
      assertTrue(longestWait <= 1_000L * (MOST + layer), "waited " + longestWait / 1_000 + " us");
    }
  }

  @Test
  void shortPasses_areAskedTwice() {
    begin();
    pass(100, 5_000);
    assertEquals(2, questions);
    assertEquals(1, steps);
  }
}

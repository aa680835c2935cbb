package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.backend.Stopwatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What many runs of one thing took, in milliseconds.
 *
 * @param median half of the runs took no longer
 * @param p5 19 of 20 runs took no less
 * @param p95 19 of 20 runs took no longer
 */
record Timing(double median, double p5, double p95) {
  private static final int WARM_UP = 8;

  /** Of any number of times, which are sorted. */
  static Timing of(double[] milliseconds) {
    Arrays.sort(milliseconds);
    int count = milliseconds.length;
    return new Timing(milliseconds[count / 2], milliseconds[count * 5 / 100],
        milliseconds[Math.min(count - 1, count * 95 / 100)]);
  }

  /** Of {@code runs} runs of {@code step} one behind another, after some to warm up. */
  static Timing of(Backend backend, Step step, int runs) {
    return of(backend, Timing::nothing, step, runs, Timing::nothing);
  }

  private static void nothing() {
    // Steps that need no preparation.
  }

  /**
   * The same with something before each run. All are given at once, so that a GPU never waits for the host to launch
   * the next.
   *
   * @param before called before each run; what it gives the stages is not timed
   * @param warm called once, between the last run to warm up and the first that is timed
   */
  static Timing of(Backend backend, Runnable before, Step step, int runs, Runnable warm) {
    for (int run = 0; run < WARM_UP; run++) {
      before.run();
      step.run();
    }
    warm.run();
    List<Stopwatch> stopwatches = new ArrayList<>();
    try {
      for (int run = 0; run < runs; run++) {
        stopwatches.add(backend.newStopwatch());
      }
      for (Stopwatch stopwatch : stopwatches) {
        before.run();
        stopwatch.start();
        step.run();
        stopwatch.stop();
      }
      return of(stopwatches.stream().mapToDouble(Stopwatch::milliseconds).toArray());
    } finally {
      stopwatches.forEach(Stopwatch::close);
    }
  }

  /** The same when {@code count} things were done in each run. */
  Timing each(int count) {
    return new Timing(median / count, p5 / count, p95 / count);
  }
}

package io.pariskv.engine;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * When sequences that decode have their next step while a prompt is read, by what layers are measured to take: before the
 * next layers would make them wait longer than they may. Whatever it says, the numbers computed are the same. On the
 * engine's thread.
 */
final class Pace {
  /** Questions in the longest wait: each costs a GPU some microseconds. */
  private static final int QUESTIONS = 8;

  private final long longestWait;
  private final LongSupplier clock;
  /** When the last step ended. */
  private long steppedAt;
  /** When the layers of a pass went on, and after how many. */
  private long resumedAt;
  private int resumedAfter;
  /** Nanoseconds of a layer, as measured last. */
  private long layer;

  /** @param clock nanoseconds, such as {@link System#nanoTime} */
  Pace(Duration longestWait, LongSupplier clock) {
    this.longestWait = longestWait.toNanos();
    this.clock = clock;
    this.steppedAt = clock.getAsLong();
  }

  /** A decode step has ended. */
  void stepped() {
    steppedAt = clock.getAsLong();
  }

  /**
   * Layers of a pass are computed.
   *
   * @param layers how many, 0 before the first
   * @return after how many more to ask again
   */
  int ahead(int layers) {
    if (layers <= resumedAfter) {
      return 1; // a pass begins, and its layers may take longer than those before
    }
    layer = (clock.getAsLong() - resumedAt) / (layers - resumedAfter);
    return Math.clamp(longestWait / QUESTIONS / Math.max(layer, 1), 1, 1 << 10);
  }

  /** Whether a decode step should come before so many more layers. */
  boolean stepIsDue(int ahead) {
    return clock.getAsLong() - steppedAt + ahead * layer > longestWait;
  }

  /** After a question the pass goes on. */
  void resumes(int layers) {
    resumedAt = clock.getAsLong();
    resumedAfter = layers;
  }
}

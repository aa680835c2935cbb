package io.pariskv.backend.host;

import io.pariskv.backend.Stopwatch;

/** The machine's clock: stages of a CPU are done when they return. */
final class HostStopwatch implements Stopwatch {
  private static final long NEVER = Long.MIN_VALUE;

  private long started = NEVER;
  private long nanoseconds = NEVER;

  @Override
  public void start() {
    nanoseconds = NEVER;
    started = System.nanoTime();
  }

  @Override
  public void stop() {
    long now = System.nanoTime();
    if (started == NEVER) {
      throw new IllegalStateException("a stopwatch is stopped that was not started");
    }
    nanoseconds = now - started;
  }

  @Override
  public double milliseconds() {
    if (nanoseconds == NEVER) {
      throw new IllegalStateException("a stopwatch is read that was not started and stopped");
    }
    return nanoseconds / 1e6;
  }

  @Override
  public void close() {
    // Holds nothing.
  }
}

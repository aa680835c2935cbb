package io.pariskv.backend;

/**
 * Times stages where they run: from the point in the work of a backend where {@link #start} was called to
 * that of {@link #stop}. Neither waits, so several may be under way, each within the others or behind them.
 *
 * <p>Used again and again; one driving thread. Not inside a recorded step.
 */
public interface Stopwatch extends AutoCloseable {

  /** The time begins when all work before is done. */
  void start();

  /** The time ends when all work before is done. */
  void stop();

  /**
   * Waits for the end; the time in milliseconds, of less than a microsecond's error.
   *
   * @throws IllegalStateException if it was not started and stopped
   */
  double milliseconds();

  @Override
  void close();
}

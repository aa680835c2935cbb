package io.pariskv.engine;

import java.time.Duration;

/**
 * Answers many requests at once on one model. One thread of the engine's own drives the model; all methods may be called
 * from any thread and none of them waits for the model, but {@link #drain} and {@link #close}.
 */
public interface Engine extends AutoCloseable {

  /**
   * Queues a request, which is answered in the order of arrival as places become free.
   *
   * @param listener told of what happens, on the engine's thread; it must not block
   * @return a handle to end it with
   * @throws io.pariskv.error.InputException if the prompt is empty, has ids outside the vocabulary, or cannot fit, with
   *     both numbers; nothing was queued then, and the listener hears nothing
   * @throws QueueFullException if as many requests wait as may
   */
  Ticket submit(EngineRequest request, EngineListener listener);

  /** What it does now. */
  EngineStatus status();

  /**
   * Takes no more requests; waits until those it has have ended, and ends them as cancelled when the time is over.
   *
   * @return whether all of them ended by themselves
   */
  boolean drain(Duration atMost);

  /** Cancels what is running, and waits for the engine's thread; the model stays open. */
  @Override
  void close();

  /** A request that was queued. */
  interface Ticket {
    /** Ends the request as cancelled, wherever it is, within a chunk of prefill or a decode step; without effect later. */
    void cancel();
  }
}

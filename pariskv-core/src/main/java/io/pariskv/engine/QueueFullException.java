package io.pariskv.engine;

/** As many requests wait as may: try again later. */
public final class QueueFullException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** @param waiting requests that wait */
  public QueueFullException(int waiting) {
    super(waiting + " requests wait already, which is the most; try again later");
  }
}

package io.pariskv.backend;

/** A recorded sequence of stages; see {@link Backend#record}. Used and closed by the driving thread. */
@FunctionalInterface
public interface Step extends AutoCloseable {
  /** Runs the stages, in stream order. */
  void run();

  /** Frees what the recording holds; a step of a CPU holds nothing. Closing twice does nothing. */
  @Override
  default void close() {
  }
}

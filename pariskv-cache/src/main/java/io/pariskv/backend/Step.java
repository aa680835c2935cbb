package io.pariskv.backend;

/** A recorded sequence of stages; see {@link Backend#record}. */
@FunctionalInterface
public interface Step {
  /** Runs the stages, in stream order. */
  void run();
}

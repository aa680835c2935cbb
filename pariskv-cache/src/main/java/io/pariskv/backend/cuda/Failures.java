package io.pariskv.backend.cuda;

import org.jspecify.annotations.Nullable;

/** Runs several clean-up actions, all of them, and then throws the first failure. */
final class Failures {
  private @Nullable RuntimeException first;

  void attempt(Runnable action) {
    try {
      action.run();
    } catch (RuntimeException e) {
      if (first == null) {
        first = e;
      } else {
        first.addSuppressed(e);
      }
    }
  }

  void throwFirst() {
    if (first != null) {
      throw first;
    }
  }

  /** Runs a clean-up action on the way out with {@code failure}, which keeps its own failure. */
  static void suppressing(Throwable failure, Runnable action) {
    try {
      action.run();
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }
}

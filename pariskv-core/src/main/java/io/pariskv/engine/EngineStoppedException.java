package io.pariskv.engine;

import org.jspecify.annotations.Nullable;

/** The engine takes no more requests: it drains or is closed, or it has failed; the cause is known then. */
public final class EngineStoppedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** @param cause why the engine failed, or null if it was asked to stop */
  public EngineStoppedException(@Nullable Throwable cause) {
    super(cause == null ? "the engine takes no more requests" : "the engine has failed: " + cause,
        cause);
  }
}

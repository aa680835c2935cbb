package io.pariskv.engine;

import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationResult;

/**
 * Follows one request: progress and tokens as of any generation, then exactly one of {@link #onEnd} and {@link
 * #onFailure}, after which nothing follows. On the engine's thread: it must not block.
 */
public interface EngineListener extends GenerationListener {

  /** The request has ended, or was cancelled, or its time was over; its place is free. */
  void onEnd(GenerationResult result);

  /** The request failed; its place is free. Others go on, unless the backend itself is broken. */
  void onFailure(Exception failure);
}

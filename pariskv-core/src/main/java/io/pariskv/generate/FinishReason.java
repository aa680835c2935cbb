package io.pariskv.generate;

import java.util.Locale;

/** Why a generation ended. */
public enum FinishReason {
  /** The model ended its turn, or a stop string appeared. */
  STOP,
  /** The limit of new tokens, or of the model's positions, was reached. */
  LENGTH,
  /** The listener asked for an end. */
  CANCELLED,
  /** The time it was given was over. */
  DEADLINE;

  /** The name in JSON, such as {@code length}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

package io.pariskv.eval.run;

import java.util.Objects;

/**
 * A cell that cannot be run.
 *
 * @param cell which one
 * @param reason why, with the way out
 */
public record RefusedLine(Cell cell, String reason) implements Line {

  /** Refuses a line without its parts. */
  public RefusedLine {
    Objects.requireNonNull(cell, "cell");
    Objects.requireNonNull(reason, "reason");
  }
}

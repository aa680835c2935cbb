package io.pariskv.eval.run;

/**
 * A cell that cannot be run.
 *
 * @param cell which one
 * @param reason why, with the way out
 */
public record RefusedLine(Cell cell, String reason) implements Line {
}

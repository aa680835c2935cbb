package io.pariskv.eval.run;

import java.util.Objects;

/**
 * Samples that are counted together.
 *
 * @param task its name
 * @param length most tokens of a sample; 0 for a task whose samples come as they are
 * @param method the label of a {@link MethodChoice}
 */
public record Cell(String task, int length, String method) {

  /** Refuses a cell without its parts, which a damaged line may have. */
  public Cell {
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(method, "method");
  }

  /** Such as {@code recall-path 16384 pariskv}. */
  @Override
  public String toString() {
    return task + " " + (length == 0 ? "" : length + " ") + method;
  }
}

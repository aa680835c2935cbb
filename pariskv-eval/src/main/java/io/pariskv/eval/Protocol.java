package io.pariskv.eval;

import io.pariskv.error.InputException;
import java.util.Locale;

/** How a question reaches the model, which scores depend on. */
public enum Protocol {
  /** Through decode steps: the method has to read the question, and find what it asks for, by the keys it retrieves. */
  FED,
  /** With the rest of the prompt, by exact attention; the method only writes. What published scores are of. */
  PREFILLED;

  /** The label of samples that says which. */
  public static final String LABEL = "question";

  /** @throws InputException if there is none of that name */
  public static Protocol of(String name) {
    for (Protocol each : values()) {
      if (each.toString().equals(name)) {
        return each;
      }
    }
    throw new InputException("question '" + name + "' must be fed or prefilled");
  }

  /** As the command line has it. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

package io.pariskv.eval.run;

import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;

/**
 * A method with its settings, as a report names it.
 *
 * @param label unique in a run, such as {@code pariskv k=16}
 * @param method the method
 */
public record MethodChoice(String label, AttentionMethod method) {

  /** What the labels of one method with one k and another have in common. */
  public static String kind(String label) {
    return label.split(" ", 2)[0];
  }

  /** All settings as text; two choices with the same text attend alike. */
  public String settings() {
    return method.toString();
  }

  /** The method as a run uses it: with a count of what it selects, if its settings do not say that. */
  AttentionMethod counted() {
    return SelectedCount.counted(method);
  }

  /** Whether the others are compared with this one, token by token. */
  boolean isReference() {
    return method instanceof FullAttention;
  }
}

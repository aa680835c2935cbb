package io.pariskv.chat;

import io.pariskv.constrain.Constraint;
import io.pariskv.constrain.Constraints;
import io.pariskv.constrain.Form;
import io.pariskv.text.Tokenizer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Constraints of one model's answers. Applications ask for the same forms again and again, so those asked for last are kept.
 * Thread-safe.
 */
public final class AnswerForms {
  private static final int MOST_KEPT = 32;
  private static final int MOST_KEPT_CHARACTERS = 1 << 17;

  private final Tokenizer tokenizer;
  private final Supplier<Constraints> constraints;
  /* By the text of the form: two schemas that differ in the order of their properties are equal, and their answers are not. */
  private final Map<String, Constraint> kept = new LinkedHashMap<>(MOST_KEPT, 0.75f, true) {
    private static final long serialVersionUID = 1L;

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Constraint> eldest) {
      return size() > MOST_KEPT;
    }
  };

  /**
   * Of a model.
   *
   * @param tokenizer of the model
   * @param constraints of the model; asked for when the first answer must be of a form
   */
  public AnswerForms(Tokenizer tokenizer, Supplier<Constraints> constraints) {
    this.tokenizer = tokenizer;
    this.constraints = constraints;
  }

  /**
   * What the answer to a prompt must be. A model that thinks may do so before.
   *
   * @param prompt its tokens
   * @throws io.pariskv.error.InputException if the form cannot be kept, as {@link Constraints#to} has it
   */
  public Constraint answer(Form form, int[] prompt) {
    return to(Thinking.before(form, tokenizer, prompt));
  }

  /**
   * What a text must be.
   *
   * @throws io.pariskv.error.InputException if the form cannot be kept, as {@link Constraints#to} has it
   */
  public Constraint to(Form form) {
    String text = form.toString();
    synchronized (kept) {
      Constraint found = kept.get(text);
      if (found != null) {
        return found;
      }
    }
    Constraint made = constraints.get().to(form);
    if (text.length() <= MOST_KEPT_CHARACTERS) {
      synchronized (kept) {
        kept.put(text, made);
      }
    }
    return made;
  }
}

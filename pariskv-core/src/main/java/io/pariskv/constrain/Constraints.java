package io.pariskv.constrain;

import io.pariskv.error.InputException;
import io.pariskv.text.Tokenizer;
import java.util.Set;

/** Makes the constraints of one model: it knows which bytes its tokens stand for. Immutable; any thread. */
public final class Constraints {
  private Constraints() {
  }

  /**
   * Reads the tokens of a model once.
   *
   * @param ends tokens that end a turn
   * @param vocabulary rows of the model's logits, at least the tokenizer's
   */
  public static Constraints of(Tokenizer tokenizer, Set<Integer> ends, int vocabulary) {
    return new Constraints();
  }

  /**
   * A constraint to answers of that form, then the end of the turn.
   *
   * @throws InputException if a schema is wrong, or says what cannot be kept exactly: the message names the place and the
   *     keyword; or if the model's tokens cannot spell such an answer
   */
  public Constraint to(Form form) {
    throw new InputException("answers of the form " + form + " are not supported yet");
  }
}

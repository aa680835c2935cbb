package io.pariskv.model.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;

/** What every refusal of bad input has in common. */
final class Refusals {
  private Refusals() {
  }

  /** Expects an {@link InputException} whose message is one line with all of these parts. */
  static InputException refused(Runnable action, String... expected) {
    InputException e = assertThrows(InputException.class, action::run);
    String message = String.valueOf(e.getMessage());
    assertEquals(1, message.lines().count(), message);
    for (String part : expected) {
      assertTrue(message.contains(part), () -> "expected \"" + part + "\" in: " + message);
    }
    return e;
  }
}

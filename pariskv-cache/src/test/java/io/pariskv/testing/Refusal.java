package io.pariskv.testing;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Objects;
import org.junit.jupiter.api.function.Executable;

/** Requires that something is refused in one line that says why. */
public final class Refusal {
  private Refusal() {
  }

  /**
   * Requires {@code action} to throw a {@code type} whose message is one line and has every one of
   * {@code parts}.
   */
  public static void assertRefused(Class<? extends Exception> type, Executable action,
      String... parts) {
    Exception refusal = assertThrows(type, action);
    String message = Objects.requireNonNullElse(refusal.getMessage(), "");
    assertFalse(message.contains("\n"), message);
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "no '" + part + "' in: " + message);
    }
  }
}

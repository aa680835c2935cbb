package io.pariskv.error;

import org.jspecify.annotations.Nullable;

/**
 * What the user gave (a file, a flag, a prompt, a context length) cannot be used.
 *
 * <p>The message is written for the user and stands alone: it names the file or the flag, the field,
 * the number found and the number expected, and the way out. A program prints it as one line, without
 * a stack trace. Mistakes of a programmer are {@link IllegalArgumentException} and
 * {@link IllegalStateException} instead.
 */
public class InputException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** An input that cannot be used, with the reason and the way out in one line. */
  public InputException(String message) {
    super(message);
  }

  /** As above, keeping the exception that revealed it. */
  public InputException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

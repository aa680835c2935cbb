package io.pariskv.error;

/**
 * What is asked for does not fit in the memory that is free: refused before anything was allocated. It may fit another time,
 * beside fewer others.
 */
public class NotEnoughMemoryException extends InputException {
  private static final long serialVersionUID = 1;

  /** What is short, by how much, and the way out, in one line. */
  public NotEnoughMemoryException(String message) {
    super(message);
  }
}

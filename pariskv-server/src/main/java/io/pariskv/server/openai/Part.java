package io.pariskv.server.openai;

/** A part of an answer. */
sealed interface Part {

  /** Text for the reader. */
  record Text(String text) implements Part {
  }
}

package io.pariskv.chat;

/** A part of an answer. */
public sealed interface Part {

  /** Text for the reader. */
  record Text(String text) implements Part {
  }

  /** What the model thinks before it answers. */
  record Thought(String text) implements Part {
  }

  /**
   * A function that is to be called.
   *
   * @param index which of the answer's calls, from 0
   * @param id to which the result will refer
   * @param name of the function
   * @param arguments a JSON object as text
   */
  record ToolCall(int index, String id, String name, String arguments) implements Part {
  }
}

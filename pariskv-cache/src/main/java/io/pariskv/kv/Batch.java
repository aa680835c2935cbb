package io.pariskv.kv;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * The rows of one forward pass: a chunk of one sequence's prompt, or the next token of each of
 * several sequences. Stages read it where they run, so a recorded step stays valid when the contents
 * change.
 *
 * @param rows number of rows
 * @param slots {@code [rows] i32}, the row's sequence in the {@link KvStore}
 * @param positions {@code [rows] i32}, the row's position in its sequence
 */
public record Batch(int rows, Buffer slots, Buffer positions) {

  /** Checks the shapes. */
  public Batch {
    slots.require("slots", DType.I32, rows);
    positions.require("positions", DType.I32, rows);
  }
}

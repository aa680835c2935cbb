package io.pariskv.kv;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * The keys of the retrieval zone that a step attends.
 *
 * @param positions {@code [rows][kvHeads][k] i32} zone positions, ascending; beyond the count undefined
 * @param counts {@code [rows][kvHeads] i32}, how many of them are selected
 */
public record Selection(Buffer positions, Buffer counts) {

  /** Checks the shapes. */
  public Selection {
    long rows = positions.shape().axis(0);
    long kvHeads = positions.shape().axis(1);
    positions.require("selected positions", DType.I32, rows, kvHeads, positions.shape().axis(2));
    counts.require("selected counts", DType.I32, rows, kvHeads);
  }

  /** Most positions a KV head can have. */
  public int capacity() {
    return positions.shape().extent(2);
  }
}

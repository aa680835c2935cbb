package io.pariskv.kv;

import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * The keys of the retrieval zone that a step attends, for each KV head or, if they differ in a group, for each
 * query head.
 *
 * @param positions {@code [rows][heads][k] i32} zone positions; beyond the count undefined. Ascending, unless who
 *     made them says otherwise
 * @param counts {@code [rows][heads] i32}, how many of them are selected
 */
public record Selection(Buffer positions, Buffer counts) {

  /** Checks the shapes. */
  public Selection {
    long rows = positions.shape().axis(0);
    long heads = positions.shape().axis(1);
    positions.require("selected positions", DType.I32, rows, heads, positions.shape().axis(2));
    counts.require("selected counts", DType.I32, rows, heads);
  }

  /** Room for {@code k} keys of each head. */
  public static Selection allocate(Allocator memory, int rows, int heads, int k) {
    return new Selection(memory.allocate(DType.I32, rows, heads, k),
        memory.allocate(DType.I32, rows, heads));
  }

  /** KV heads or query heads that it has positions for. */
  public int heads() {
    return positions.shape().extent(1);
  }

  /** Most positions a head can have. */
  public int capacity() {
    return positions.shape().extent(2);
  }
}

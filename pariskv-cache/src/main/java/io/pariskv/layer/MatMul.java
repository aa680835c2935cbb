package io.pariskv.layer;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * A linear layer on every row: {@code y[r] = W x[r] + b}. Weights are used as stored, products and sums
 * in f32 or better; x too is used as it is, unless {@link #roundsInputs} says otherwise. Cost
 * {@code 2 * rows * in * out} operations, {@code in * out} weights read.
 */
public interface MatMul {
  /**
   * @param x {@code [rows][in] f32}
   * @param linear weight {@code [out][in]} and optional bias
   * @param y out, {@code [rows][out] f32}; must not overlap {@code x}
   */
  void multiply(Buffer x, Linear linear, Buffer y);

  /**
   * Adds a linear layer to what is there, a residual connection: {@code y[r] += W x[r] + b}.
   *
   * @param x {@code [rows][in] f32}
   * @param linear weight {@code [out][in]} and optional bias
   * @param y {@code [rows][out] f32}, changed; must not overlap {@code x}
   */
  void multiplyAdd(Buffer x, Linear linear, Buffer y);

  /**
   * Whether x is rounded to bf16 before it is multiplied. A backend may do so for more than 16 rows and
   * bf16 weights, and says so here. Each number of x is then off by 2<sup>-8</sup> of itself at most, and
   * {@code y} by 2<sup>-8</sup> of the sum of {@code |W x|}.
   *
   * @param rows of x
   * @param weight the type of the weights
   */
  default boolean roundsInputs(int rows, DType weight) {
    return false;
  }
}

package io.pariskv.layer;

import io.pariskv.memory.Buffer;

/**
 * A linear layer on every row: {@code y[r] = W x[r] + b}. Weights are used as stored, products and sums
 * in f32 or better. Cost {@code 2 * rows * in * out} operations, {@code in * out} weights read.
 */
public interface MatMul {
  /**
   * @param x {@code [rows][in] f32}
   * @param linear weight {@code [out][in]} and optional bias
   * @param y out, {@code [rows][out] f32}; must not overlap {@code x}
   */
  void multiply(Buffer x, Linear linear, Buffer y);
}

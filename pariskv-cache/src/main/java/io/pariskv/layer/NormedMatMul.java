package io.pariskv.layer;

import io.pariskv.memory.Buffer;
import java.util.List;

/**
 * Linear layers of a normalised input, {@code n = x / sqrt(mean(x^2) + epsilon) * weight}: what begins both
 * halves of a transformer layer. The numbers are those of {@link RmsNorm}, {@link MatMul} and {@link SwiGlu}
 * one after the other, but for rounding; {@link MatMul#roundsInputs} holds for {@code n}. A backend may need
 * fewer passes over memory.
 */
public interface NormedMatMul {
  /**
   * {@code y[r] = W n[r] + b} for each of several layers.
   *
   * @param x {@code [rows][in] f32}
   * @param linears weights {@code [out][in]} and optional biases
   * @param normed {@code [rows][in] f32}, scratch: may become {@code n} or stay as it was
   * @param ys out, for each layer {@code [rows][out] f32}; must not overlap {@code x} nor each other
   */
  void multiply(Buffer x, Norm norm, List<Linear> linears, Buffer normed, List<Buffer> ys);

  /**
   * {@code y[r] = silu(gate n[r]) * (up n[r])}.
   *
   * @param x {@code [rows][in] f32}
   * @param normed {@code [rows][in] f32}, scratch
   * @param upped {@code [rows][out] f32}, scratch
   * @param y out, {@code [rows][out] f32}; must not overlap {@code x}
   */
  void multiplyGated(Buffer x, Norm norm, GatedLinear linear, Buffer normed, Buffer upped,
      Buffer y);

  /**
   * Refuses a number of outputs that is not that of the layers.
   *
   * @throws IllegalArgumentException naming both
   */
  static void requireOutputs(List<Linear> linears, List<Buffer> ys) {
    if (linears.size() != ys.size()) {
      throw new IllegalArgumentException(
          linears.size() + " linear layers need as many outputs, not " + ys.size());
    }
  }
}

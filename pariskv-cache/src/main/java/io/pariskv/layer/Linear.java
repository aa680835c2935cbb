package io.pariskv.layer;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of a linear layer, {@code y = W x + b}.
 *
 * @param weight {@code [out][in]} f32, f16 or bf16, as the file has it; may be unaligned
 * @param bias {@code [out] f32}, or null for none
 */
public record Linear(Buffer weight, @Nullable Buffer bias) {

  /** Checks the shapes. */
  public Linear {
    if (weight.shape().rank() != 2) {
      throw new IllegalArgumentException("a linear weight is [out][in], not " + weight);
    }
    if (bias != null) {
      bias.require("bias", DType.F32, weight.shape().axis(0));
    }
  }

  /** Numbers of one input row. */
  public int in() {
    return weight.shape().extent(1);
  }

  /** Numbers of one output row. */
  public int out() {
    return weight.shape().extent(0);
  }
}

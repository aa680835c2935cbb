package io.pariskv.backend.scalar;

import io.pariskv.layer.SwiGlu;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link SwiGlu} in double. */
final class ScalarSwiGlu implements SwiGlu {
  @Override
  public void apply(Buffer gate, Buffer up, Buffer out) {
    long rows = gate.shape().axis(0);
    long width = gate.shape().axis(1);
    gate.require("gate", DType.F32, rows, width);
    up.require("up", DType.F32, rows, width);
    out.require("gated output", DType.F32, rows, width);
    for (long i = 0; i < rows * width; i++) {
      double g = Elements.getFloat(gate, i);
      Elements.setFloat(out, i, (float) (g / (1 + Math.exp(-g)) * Elements.getFloat(up, i)));
    }
  }
}

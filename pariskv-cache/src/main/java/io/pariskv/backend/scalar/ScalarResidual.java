package io.pariskv.backend.scalar;

import io.pariskv.layer.Residual;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link Residual} in plain Java. */
final class ScalarResidual implements Residual {
  @Override
  public void add(Buffer x, Buffer y) {
    long rows = x.shape().axis(0);
    long width = x.shape().axis(1);
    x.require("residual", DType.F32, rows, width);
    y.require("layer output", DType.F32, rows, width);
    for (long i = 0; i < rows * width; i++) {
      Elements.setFloat(x, i, Elements.getFloat(x, i) + Elements.getFloat(y, i));
    }
  }
}

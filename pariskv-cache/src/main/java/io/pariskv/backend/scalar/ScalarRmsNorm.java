package io.pariskv.backend.scalar;

import io.pariskv.layer.RmsNorm;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link RmsNorm} in double. */
final class ScalarRmsNorm implements RmsNorm {
  @Override
  public void normalize(Buffer x, Buffer weight, float epsilon, Buffer y) {
    int width = Math.toIntExact(weight.shape().elements());
    long rows = x.shape().axis(0);
    weight.require("norm weight", DType.F32, width);
    x.require("norm input", DType.F32, rows, width);
    y.require("norm output", DType.F32, rows, width);
    for (long r = 0; r < rows; r++) {
      double squares = 0;
      for (int i = 0; i < width; i++) {
        double value = Elements.getFloat(x, r * width + i);
        squares += value * value;
      }
      double factor = 1 / Math.sqrt(squares / width + epsilon);
      for (int i = 0; i < width; i++) {
        double value = Elements.getFloat(x, r * width + i);
        double normalized = value * factor * Elements.getFloat(weight, i);
        Elements.setFloat(y, r * width + i, (float) normalized);
      }
    }
  }
}

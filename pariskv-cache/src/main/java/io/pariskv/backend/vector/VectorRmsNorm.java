package io.pariskv.backend.vector;

import io.pariskv.layer.RmsNorm;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** {@link RmsNorm} on vectors, rows in parallel. */
final class VectorRmsNorm implements RmsNorm {
  private static final int LANES = Species.FLOATS.length();

  private final Workers workers;

  VectorRmsNorm(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void normalize(Buffer x, Buffer weight, float epsilon, Buffer y) {
    int width = Math.toIntExact(weight.shape().elements());
    int rows = x.shape().extent(0);
    weight.require("norm weight", DType.F32, width);
    x.require("norm input", DType.F32, rows, width);
    y.require("norm output", DType.F32, rows, width);
    Ranges.run(workers, rows, width, (from, to) -> {
      for (long r = from; r < to; r++) {
        long row = x.address() + 4 * r * width;
        double factor = 1 / Math.sqrt(squares(row, width) / width + epsilon);
        scale(row, (float) factor, weight.address(), y.address() + 4 * r * width, width);
      }
    });
  }

  private static double squares(long x, int width) {
    FloatVector even = FloatVector.zero(Species.FLOATS);
    FloatVector odd = FloatVector.zero(Species.FLOATS);
    int i = 0;
    for (; i <= width - 2 * LANES; i += 2 * LANES) {
      FloatVector a = Raw.f32(x + 4L * i);
      FloatVector b = Raw.f32(x + 4L * (i + LANES));
      even = a.fma(a, even);
      odd = b.fma(b, odd);
    }
    double sum = even.add(odd).reduceLanes(VectorOperators.ADD);
    for (; i < width; i++) {
      double value = Raw.getFloat(x + 4L * i);
      sum += value * value;
    }
    return sum;
  }

  private static void scale(long x, float factor, long weight, long y, int width) {
    int i = 0;
    for (; i <= width - LANES; i += LANES) {
      Raw.store(Raw.f32(x + 4L * i).mul(factor).mul(Raw.f32(weight + 4L * i)), y + 4L * i);
    }
    for (; i < width; i++) {
      Raw.setFloat(y + 4L * i, Raw.getFloat(x + 4L * i) * factor * Raw.getFloat(weight + 4L * i));
    }
  }
}

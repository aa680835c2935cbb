package io.pariskv.backend.vector;

import io.pariskv.layer.Residual;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link Residual} on vectors. */
final class VectorResidual implements Residual {
  private static final int LANES = Species.FLOATS.length();

  private final Workers workers;

  VectorResidual(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void add(Buffer x, Buffer y) {
    int rows = x.shape().extent(0);
    int width = x.shape().extent(1);
    x.require("residual", DType.F32, rows, width);
    y.require("added to the residual", DType.F32, rows, width);
    Ranges.run(workers, rows, width, (from, to) -> add(x.address() + 4L * from * width,
        y.address() + 4L * from * width, (long) (to - from) * width));
  }

  private static void add(long x, long y, long count) {
    long i = 0;
    for (; i <= count - LANES; i += LANES) {
      Raw.store(Raw.f32(x + 4 * i).add(Raw.f32(y + 4 * i)), x + 4 * i);
    }
    for (; i < count; i++) {
      Raw.setFloat(x + 4 * i, Raw.getFloat(x + 4 * i) + Raw.getFloat(y + 4 * i));
    }
  }
}

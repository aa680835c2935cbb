package io.pariskv.backend.vector;

import io.pariskv.layer.SwiGlu;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import jdk.incubator.vector.FloatVector;

/** {@link SwiGlu} on vectors. */
final class VectorSwiGlu implements SwiGlu {
  private static final int LANES = Species.FLOATS.length();

  private final Workers workers;

  VectorSwiGlu(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void apply(Buffer gate, Buffer up, Buffer out) {
    int rows = gate.shape().extent(0);
    int width = gate.shape().extent(1);
    gate.require("gate", DType.F32, rows, width);
    up.require("up", DType.F32, rows, width);
    out.require("gated output", DType.F32, rows, width);
    Ranges.run(workers, rows, width, (from, to) -> {
      long at = 4L * from * width;
      apply(gate.address() + at, up.address() + at, out.address() + at, (long) (to - from) * width);
    });
  }

  private static void apply(long gate, long up, long out, long count) {
    long i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector g = Raw.f32(gate + 4 * i);
      FloatVector silu = g.div(Exp.expAny(g.neg()).add(1));
      Raw.store(silu.mul(Raw.f32(up + 4 * i)), out + 4 * i);
    }
    for (; i < count; i++) {
      double g = Raw.getFloat(gate + 4 * i);
      Raw.setFloat(out + 4 * i, (float) (g / (1 + Math.exp(-g)) * Raw.getFloat(up + 4 * i)));
    }
  }
}

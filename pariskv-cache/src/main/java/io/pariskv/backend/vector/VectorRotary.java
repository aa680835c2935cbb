package io.pariskv.backend.vector;

import io.pariskv.kv.Batch;
import io.pariskv.layer.Rotary;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import jdk.incubator.vector.FloatVector;

/** {@link Rotary} on vectors; the table, made once a pass, in plain Java on all cores. */
final class VectorRotary implements Rotary {
  private static final int LANES = Species.FLOATS.length();

  /** A cosine and a sine take about as long as this many numbers of a simple loop. */
  private static final int ANGLE_COST = 64;

  private final Workers workers;

  VectorRotary(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void angles(Batch batch, Buffer frequencies, float scale, Buffer table) {
    int half = Math.toIntExact(frequencies.shape().elements());
    frequencies.require("rotary frequencies", DType.F32, half);
    table.require("rotary table", DType.F32, batch.rows(), 2, half);
    Ranges.run(workers, batch.rows(), (long) half * ANGLE_COST, (from, to) -> {
      for (int r = from; r < to; r++) {
        float position = Raw.getInt(batch.positions().address() + 4L * r);
        long cosines = table.address() + 8L * r * half;
        for (int i = 0; i < half; i++) {
          float angle = position * Raw.getFloat(frequencies.address() + 4L * i);
          Raw.setFloat(cosines + 4L * i, (float) Math.cos(angle) * scale);
          Raw.setFloat(cosines + 4L * (half + i), (float) Math.sin(angle) * scale);
        }
      }
    });
  }

  @Override
  public void rotate(Buffer x, Buffer table) {
    int rows = table.shape().extent(0);
    int half = table.shape().extent(2);
    int heads = x.shape().extent(1);
    table.require("rotary table", DType.F32, rows, 2, half);
    x.require("rotated heads", DType.F32, rows, heads, 2L * half);
    Ranges.run(workers, rows, 2L * heads * half, (from, to) -> {
      for (long r = from; r < to; r++) {
        for (int h = 0; h < heads; h++) {
          rotate(x.address() + 8 * (r * heads + h) * half, table.address() + 8 * r * half, half);
        }
      }
    });
  }

  private static void rotate(long x, long cosines, int half) {
    long y = x + 4L * half;
    long sines = cosines + 4L * half;
    int i = 0;
    for (; i <= half - LANES; i += LANES) {
      FloatVector cos = Raw.f32(cosines + 4L * i);
      FloatVector sin = Raw.f32(sines + 4L * i);
      FloatVector a = Raw.f32(x + 4L * i);
      FloatVector b = Raw.f32(y + 4L * i);
      Raw.store(a.mul(cos).sub(b.mul(sin)), x + 4L * i);
      Raw.store(b.mul(cos).add(a.mul(sin)), y + 4L * i);
    }
    for (; i < half; i++) {
      float cos = Raw.getFloat(cosines + 4L * i);
      float sin = Raw.getFloat(sines + 4L * i);
      float a = Raw.getFloat(x + 4L * i);
      float b = Raw.getFloat(y + 4L * i);
      Raw.setFloat(x + 4L * i, a * cos - b * sin);
      Raw.setFloat(y + 4L * i, b * cos + a * sin);
    }
  }
}

package io.pariskv.backend.scalar;

import io.pariskv.kv.Batch;
import io.pariskv.layer.Rotary;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link Rotary} in plain Java, cosines and sines in double. */
final class ScalarRotary implements Rotary {
  @Override
  public void angles(Batch batch, Buffer frequencies, float scale, Buffer table) {
    int half = Math.toIntExact(frequencies.shape().elements());
    frequencies.require("rotary frequencies", DType.F32, half);
    table.require("rotary table", DType.F32, batch.rows(), 2, half);
    for (int r = 0; r < batch.rows(); r++) {
      float position = Elements.getInt(batch.positions(), r);
      for (int i = 0; i < half; i++) {
        float angle = position * Elements.getFloat(frequencies, i);
        Elements.setFloat(table, (2L * r) * half + i, (float) Math.cos(angle) * scale);
        Elements.setFloat(table, (2L * r + 1) * half + i, (float) Math.sin(angle) * scale);
      }
    }
  }

  @Override
  public void rotate(Buffer x, Buffer table) {
    int rows = table.shape().extent(0);
    int half = table.shape().extent(2);
    int heads = x.shape().extent(1);
    table.require("rotary table", DType.F32, rows, 2, half);
    x.require("rotated heads", DType.F32, rows, heads, 2L * half);
    for (int r = 0; r < rows; r++) {
      for (int h = 0; h < heads; h++) {
        long head = ((long) r * heads + h) * 2 * half;
        for (int i = 0; i < half; i++) {
          double cos = Elements.getFloat(table, (2L * r) * half + i);
          double sin = Elements.getFloat(table, (2L * r + 1) * half + i);
          double a = Elements.getFloat(x, head + i);
          double b = Elements.getFloat(x, head + half + i);
          Elements.setFloat(x, head + i, (float) (a * cos - b * sin));
          Elements.setFloat(x, head + half + i, (float) (b * cos + a * sin));
        }
      }
    }
  }
}

package io.pariskv.backend.vector;

import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import jdk.incubator.vector.FloatVector;

/**
 * Rows of numbers between memory and float arrays.
 *
 * <p>Inner loops with many operands work on arrays: there an access is small enough for the compiler to
 * inline dozens of them in one method, and arrays that fit a cache cost nothing to go through. Memory
 * is read once, row by row, here.
 */
final class Floats {
  private static final int LANES = Species.FLOATS.length();

  private Floats() {
  }

  /** {@code count} rounded up to whole vectors. */
  static int padded(int count) {
    return (count + LANES - 1) / LANES * LANES;
  }

  /** {@code array}, or a longer one if it has less than {@code length}; contents are lost. */
  static float[] grown(float[] array, long length) {
    return array.length >= length ? array : new float[Math.toIntExact(length)];
  }

  /** Reads {@code count} numbers of f32, f16 or bf16 as floats. */
  static void read(DType type, long from, float[] to, int at, int count) {
    switch (type) {
      case F32 -> readF32(from, to, at, count);
      case F16 -> readF16(from, to, at, count);
      case BF16 -> readBf16(from, to, at, count);
      case I64, I32, U8 -> throw new IllegalArgumentException(type + " is not a type of floats");
    }
  }

  /** Reads {@code count} numbers of f32. */
  static void readF32(long from, float[] to, int at, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      Raw.f32(from + 4L * i).intoArray(to, at + i);
    }
    for (; i < count; i++) {
      to[at + i] = Raw.getFloat(from + 4L * i);
    }
  }

  private static void readBf16(long from, float[] to, int at, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      Raw.bf16(from + 2L * i).intoArray(to, at + i);
    }
    for (; i < count; i++) {
      to[at + i] = Bf16.toFloat(Raw.getShort(from + 2L * i));
    }
  }

  private static void readF16(long from, float[] to, int at, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      Raw.f16(from + 2L * i).intoArray(to, at + i);
    }
    for (; i < count; i++) {
      to[at + i] = Float.float16ToFloat(Raw.getShort(from + 2L * i));
    }
  }

  /** Reads {@code count} numbers of f32 times {@code factor}. */
  static void readScaled(long from, float factor, float[] to, int at, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      Raw.f32(from + 4L * i).mul(factor).intoArray(to, at + i);
    }
    for (; i < count; i++) {
      to[at + i] = Raw.getFloat(from + 4L * i) * factor;
    }
  }

  /** {@code to += factor * from}, whole vectors. */
  static void addScaled(float[] to, int at, float factor, float[] from, int fromAt, int count) {
    FloatVector scale = FloatVector.broadcast(Species.FLOATS, factor);
    for (int i = 0; i < count; i += LANES) {
      FloatVector.fromArray(Species.FLOATS, from, fromAt + i)
          .fma(scale, FloatVector.fromArray(Species.FLOATS, to, at + i)).intoArray(to, at + i);
    }
  }

  /** Writes {@code count} floats times {@code factor} as f32. */
  static void write(float[] from, int at, float factor, long to, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      Raw.store(FloatVector.fromArray(Species.FLOATS, from, at + i)
          .mul(factor), to + 4L * i);
    }
    for (; i < count; i++) {
      Raw.setFloat(to + 4L * i, from[at + i] * factor);
    }
  }
}

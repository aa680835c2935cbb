package io.pariskv.backend.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.memory.Allocator;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;

/** Buffers of seeded random numbers and their comparison. */
final class Numbers {
  private final Allocator memory;
  private final Random random;

  Numbers(Allocator memory, long seed) {
    this.memory = memory;
    this.random = new Random(seed);
  }

  /** Normally distributed f32. */
  Buffer normal(long... shape) {
    return spread(1, shape);
  }

  /** Normally distributed f32 of another deviation. */
  Buffer spread(double deviation, long... shape) {
    Buffer buffer = memory.allocate(DType.F32, shape);
    for (long i = 0; i < buffer.shape().elements(); i++) {
      set(buffer, i, (float) (random.nextGaussian() * deviation));
    }
    return buffer;
  }

  /** Normally distributed numbers of any type of floats, at an odd address as in a mapped file. */
  Buffer unaligned(DType type, long... shape) {
    Shape axes = Shape.of(shape);
    Buffer buffer = Buffer.wrap(Buffer.Placement.HOST, type, axes,
        Arena.ofAuto().allocate(axes.elements() * type.bytes() + 1).asSlice(1));
    for (long i = 0; i < axes.elements(); i++) {
      float value = (float) random.nextGaussian();
      switch (type) {
        case BF16 -> buffer.segment().setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i,
            Bf16.fromFloat(value));
        case F16 -> buffer.segment().setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i,
            Float.floatToFloat16(value));
        default -> buffer.segment().setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, value);
      }
    }
    return buffer;
  }

  /** Zeros. */
  Buffer zeros(DType type, long... shape) {
    return memory.allocate(type, shape);
  }

  /** A copy. */
  Buffer copy(Buffer buffer) {
    Buffer copy = memory.allocate(buffer.dtype(), axes(buffer));
    copy.segment().copyFrom(buffer.segment());
    return copy;
  }

  /** Integers. */
  Buffer ints(int... values) {
    Buffer buffer = memory.allocate(DType.I32, values.length);
    for (int i = 0; i < values.length; i++) {
      buffer.segment().setAtIndex(ValueLayout.JAVA_INT, i, values[i]);
    }
    return buffer;
  }

  static void set(Buffer buffer, long i, float value) {
    buffer.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
  }

  private static long[] axes(Buffer buffer) {
    long[] axes = new long[buffer.shape().rank()];
    Arrays.setAll(axes, buffer.shape()::axis);
    return axes;
  }

  /** All numbers within {@code tolerance} times the largest of {@code expected}. */
  static void assertClose(Buffer expected, Buffer actual, double tolerance, String what) {
    float[] a = expected.segment().toArray(ValueLayout.JAVA_FLOAT);
    float[] b = actual.segment().toArray(ValueLayout.JAVA_FLOAT);
    assertEquals(a.length, b.length, what);
    double scale = 0;
    for (float value : a) {
      scale = Math.max(scale, Math.abs(value));
    }
    for (int i = 0; i < a.length; i++) {
      int at = i;
      assertTrue(Math.abs(a[i] - b[i]) <= tolerance * scale,
          () -> what + ": number " + at + " is " + b[at] + ", not " + a[at]);
    }
  }
}

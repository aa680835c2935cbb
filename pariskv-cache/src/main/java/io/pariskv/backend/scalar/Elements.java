package io.pariskv.backend.scalar;

import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Elements of buffers as Java numbers, bounds-checked and at any alignment. */
final class Elements {
  private Elements() {
  }

  /** Element {@code i} of f32, f16 or bf16 memory. */
  static float getFloat(MemorySegment memory, DType dtype, long i) {
    return switch (dtype) {
      case F32 -> memory.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
      case F16 -> Float.float16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i));
      case BF16 -> Bf16.toFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i));
      case I64, I32, U8 -> throw new IllegalArgumentException(dtype + " is not a type of floats");
    };
  }

  /** Element {@code i} of an f32 buffer. */
  static float getFloat(Buffer buffer, long i) {
    return buffer.segment().getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
  }

  /** Sets element {@code i} of an f32 buffer. */
  static void setFloat(Buffer buffer, long i, float value) {
    buffer.segment().setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, value);
  }

  /** Element {@code i} of an i32 buffer. */
  static int getInt(Buffer buffer, long i) {
    return buffer.segment().getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, i);
  }

  /** Sets element {@code i} of an i32 buffer. */
  static void setInt(Buffer buffer, long i, int value) {
    buffer.segment().setAtIndex(ValueLayout.JAVA_INT_UNALIGNED, i, value);
  }

  /** Element {@code i} of u8 memory, 0 to 255. */
  static int getByte(MemorySegment memory, long i) {
    return Byte.toUnsignedInt(memory.get(ValueLayout.JAVA_BYTE, i));
  }

  /** Sets element {@code i} of u8 memory. */
  static void setByte(MemorySegment memory, long i, int value) {
    memory.set(ValueLayout.JAVA_BYTE, i, (byte) value);
  }

  /** Elements {@code from} to {@code from + count - 1} of f32, f16 or bf16 memory. */
  static float[] floats(MemorySegment memory, DType dtype, long from, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = getFloat(memory, dtype, from + i);
    }
    return values;
  }

  /** All elements of f32, f16 or bf16 memory. */
  static float[] floats(MemorySegment memory, DType dtype) {
    return floats(memory, dtype, 0, Math.toIntExact(memory.byteSize() / dtype.bytes()));
  }

  /** The inner product of {@code n} numbers, summed in double. */
  static double dot(float[] a, int fromA, float[] b, int fromB, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += (double) a[fromA + i] * b[fromB + i];
    }
    return sum;
  }
}

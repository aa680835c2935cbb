package io.pariskv.testing;

import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Weights as a file has them: of any type, and at any alignment. */
public final class Weights {
  private Weights() {
  }

  /** The types a weight can have. */
  public static final List<DType> TYPES = List.of(DType.F32, DType.F16, DType.BF16);

  /** The number that {@code type} stores for {@code value}. */
  public static float stored(float value, DType type) {
    return switch (type) {
      case F32 -> value;
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
      case BF16 -> Bf16.toFloat(Bf16.fromFloat(value));
      case I64, I32, U8 -> throw new IllegalArgumentException("no weights in " + type);
    };
  }

  /**
   * A host buffer of {@code values}.
   *
   * @param offset bytes between an aligned address and the first element
   */
  public static Buffer of(float[] values, DType type, int offset, long... shape) {
    Shape axes = Shape.of(shape);
    long bytes = axes.elements() * type.bytes();
    MemorySegment memory = Arena.ofAuto().allocate(bytes + offset, 64).asSlice(offset);
    for (int i = 0; i < values.length; i++) {
      switch (type) {
        case F32 -> memory.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, values[i]);
        case F16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i,
            Float.floatToFloat16(values[i]));
        case BF16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i,
            Bf16.fromFloat(values[i]));
        case I64, I32, U8 -> throw new IllegalArgumentException("no weights in " + type);
      }
    }
    return Buffer.wrap(Buffer.Placement.HOST, type, axes, memory);
  }
}

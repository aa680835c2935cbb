package io.pariskv.model.file;

import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A tensor where it lies in a mapped safetensors file; nothing is copied.
 *
 * <p>Row-major, little-endian. The format does not align tensors, so {@link #data} may start at any
 * address: read it with unaligned layouts such as {@link #SHORT} and {@link #FLOAT}. The segment is
 * read-only, may be read by any thread, and lives as long as the {@link ModelDirectory} it came from.
 *
 * @param name  as in the file
 * @param dtype the type of an element
 * @param shape sizes, outermost first; empty for a single number
 * @param data  exactly the elements
 * @param file  where it lies, for messages
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out; compared by identity only
public record TensorView(String name, DType dtype, long[] shape, MemorySegment data, Path file) {
  /** Reads an F16 or BF16 at any address. */
  public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
      .withOrder(ByteOrder.LITTLE_ENDIAN);
  /** Reads an F32 at any address. */
  public static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED
      .withOrder(ByteOrder.LITTLE_ENDIAN);

  public TensorView {
    shape = shape.clone();
  }

  /** A copy of the sizes, outermost first. */
  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** Number of elements. */
  public long elements() {
    return data.byteSize() / dtype.bytes();
  }

  /**
   * One element of an F32, F16 or BF16 tensor, widened. For single values; a loop over many converts the
   * segment itself.
   *
   * @param index row-major, 0 to {@code elements() - 1}
   */
  public float floatAt(long index) {
    return switch (dtype) {
      case F32 -> data.getAtIndex(FLOAT, index);
      case F16 -> Float.float16ToFloat(data.getAtIndex(SHORT, index));
      case BF16 -> Float.intBitsToFloat(data.getAtIndex(SHORT, index) << 16);
      case I64, I32, U8 -> throw new IllegalStateException("tensor " + name + " holds " + dtype
          + ", expected a floating-point type");
    };
  }

  /** Name, shape and type in the notation of this project, such as {@code norm.weight [384] bf16}. */
  @Override
  public String toString() {
    return name + " " + Arrays.toString(shape) + " " + dtype;
  }
}

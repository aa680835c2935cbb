package io.pariskv.backend.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * All memory as one segment, for inner loops that work with absolute addresses.
 *
 * <p>Every access through a real segment checks bounds, thread and lifetime. The compiler can hoist that
 * out of a simple loop over one segment, but not out of loops over rows that lie in many slabs, and the
 * checks make methods too large to be inlined. So a stage checks types and shapes of all its arguments
 * before its first access ({@link io.pariskv.memory.Buffer#require}); then nothing is left to check.
 * Whoever computes an address must know that the memory outlives the access: buffers of arguments do,
 * their owners may not close them during a stage.
 *
 * <p>Any alignment will do.
 */
final class Raw {
  /** Every address of the process. */
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  /** Every bit that an address of a process can have; see {@link PairKernel} for what it is good for. */
  static final long SPACE = (1L << 56) - 1;

  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private Raw() {
  }

  /** One vector of f32. */
  static FloatVector f32(long address) {
    return FloatVector.fromMemorySegment(Species.FLOATS, ALL, address, ORDER);
  }

  /** One vector of bf16 as floats. */
  static FloatVector bf16(long address) {
    return shorts(address).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  /**
   * One vector of f16 as floats. The bits of exponent and fraction, shifted to their place in a float,
   * are the number times 2^-112, also below the smallest normal number; what was infinite or NaN has its
   * exponent set by hand.
   */
  static FloatVector f16(long address) {
    IntVector bits = shorts(address);
    IntVector magnitude = bits.and(0x7fff).lanewise(VectorOperators.LSHL, 13);
    IntVector scaled = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
    IntVector value = scaled.blend(magnitude.or(0x7f800000),
        magnitude.compare(VectorOperators.GE, 0x7c00 << 13));
    return value.or(bits.and(0x8000).lanewise(VectorOperators.LSHL, 16)).reinterpretAsFloats();
  }

  private static IntVector shorts(long address) {
    return (IntVector) ShortVector.fromMemorySegment(Species.HALF_SHORTS, ALL, address, ORDER)
        .convertShape(VectorOperators.ZERO_EXTEND_S2I, Species.INTS, 0);
  }

  /** Stores one vector of f32. */
  static void store(FloatVector vector, long address) {
    vector.intoMemorySegment(ALL, address, ORDER);
  }

  /** One f32. */
  static float getFloat(long address) {
    return ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, address);
  }

  /** Stores one f32. */
  static void setFloat(long address, float value) {
    ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, address, value);
  }

  /** 16 bits. */
  static short getShort(long address) {
    return ALL.get(ValueLayout.JAVA_SHORT_UNALIGNED, address);
  }

  /** One i32. */
  static int getInt(long address) {
    return ALL.get(ValueLayout.JAVA_INT_UNALIGNED, address);
  }
}

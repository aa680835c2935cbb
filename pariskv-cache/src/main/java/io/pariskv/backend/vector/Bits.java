package io.pariskv.backend.vector;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/** Sets of up to 64 neighbouring lanes as the bits of a long, as vector masks give them. */
final class Bits {
  private static final int LANES = Species.INTS.length();
  private static final IntVector IOTA = IntVector.zero(Species.INTS).addIndex(1);

  private Bits() {
  }

  /** The lowest {@code count} bits, 0 to 64 or more. */
  static long lowest(int count) {
    return count >= Long.SIZE ? -1 : (1L << count) - 1;
  }

  /** The lowest {@code count} of the bits that are set. */
  static long lowest(int count, long bits) {
    return Long.expand(lowest(count), bits);
  }

  /**
   * Writes {@code base} + position of every set bit, ascending.
   *
   * @param lanes how many bits there are, a multiple of the int lanes
   * @param out address of the next {@code int}
   * @param end address that must not be written
   * @return the address after the last
   */
  static long writePositions(long bits, int lanes, int base, long out, long end) {
    long next = out;
    for (int lane = 0; lane < lanes; lane += LANES) {
      long part = bits >>> lane & lowest(LANES);
      if (next <= end - (long) LANES * Integer.BYTES) { // room for a whole vector
        IOTA.compress(VectorMask.fromLong(Species.INTS, part)).add(base + lane)
            .intoMemorySegment(Raw.ALL, next, ByteOrder.LITTLE_ENDIAN);
        next += (long) Long.bitCount(part) * Integer.BYTES;
      } else {
        next = writeSingly(part, base + lane, next);
      }
    }
    return next;
  }

  private static long writeSingly(long bits, int base, long out) {
    long next = out;
    for (long left = bits; left != 0; left &= left - 1) {
      int position = base + Long.numberOfTrailingZeros(left);
      Raw.ALL.set(ValueLayout.JAVA_INT_UNALIGNED, next, position);
      next += Integer.BYTES;
    }
    return next;
  }
}

package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.IS_NAN;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** Floats as ints of the same order. */
final class OrderedFloats {
  private OrderedFloats() {
  }

  /** An int that is larger for a larger float; negative zero comes just before zero. */
  static int toInt(float value) {
    int bits = Float.floatToRawIntBits(value);
    return bits ^ (bits >> 31) >>> 1;
  }

  /** The float of {@link #toInt}. */
  static float toFloat(int ordered) {
    return Float.intBitsToFloat(ordered ^ (ordered >> 31) >>> 1);
  }

  /** Ints in the order of selections: NaN is negative infinity and negative zero is zero. */
  static IntVector toInts(FloatVector values) {
    FloatVector numbers = values.blend(Float.NEGATIVE_INFINITY, values.test(IS_NAN)).add(0f);
    IntVector bits = numbers.reinterpretAsInts();
    return bits.lanewise(XOR, bits.lanewise(ASHR, 31).lanewise(LSHR, 1));
  }
}

package io.pariskv.memory;

/** Conversion between {@code float} and bfloat16, the upper half of a float. */
public final class Bf16 {
  private Bf16() {
  }

  /** The nearest bfloat16, ties to even; NaN stays NaN, overflow becomes infinity. */
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) {
      return (short) (bits >>> 16 | 0x40); // quiet NaN: rounding could carry it into infinity
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  /** The float of the same value; exact. */
  public static float toFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }
}

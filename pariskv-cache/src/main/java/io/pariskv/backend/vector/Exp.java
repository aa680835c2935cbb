package io.pariskv.backend.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The exponential function of a vector, to a relative error of about 1e-7.
 *
 * <p>{@code e^x = 2^n e^r} with {@code n} the integer nearest to {@code x / ln 2}, so {@code |r| <= ln 2
 * / 2}; there the Taylor polynomial of degree 7 is off by less than 6e-9, a tenth of a float's rounding.
 * {@code n ln 2} is subtracted in two parts, the first of few enough bits that its product is exact. The
 * integer is found by adding 1.5 * 2^23, which leaves it in the low bits, and applied by adding it to
 * the exponent.
 */
final class Exp {
  /** Below this the result is zero: the last whole exponents of normal numbers. */
  private static final float LOWEST = -87;

  /** Above this the result is that of this: the next power of two is infinite. */
  private static final float HIGHEST = 88;

  private static final float ROUNDER = 0x1.8p23f;
  private static final float LOG2_E = (float) (1 / Math.log(2));
  private static final float LN2_HIGH = 0x1.63p-1f;
  private static final float LN2_LOW = (float) (Math.log(2) - LN2_HIGH);

  private Exp() {
  }

  /** {@code e^x} for {@code x} up to 88, 0 below -87. */
  static FloatVector exp(FloatVector x) {
    FloatVector shifted = x.lanewise(VectorOperators.FMA,
        FloatVector.broadcast(Species.FLOATS, LOG2_E), FloatVector.broadcast(Species.FLOATS,
            ROUNDER));
    FloatVector n = shifted.sub(ROUNDER);
    FloatVector r = n.fma(FloatVector.broadcast(Species.FLOATS, -LN2_HIGH), x);
    r = n.fma(FloatVector.broadcast(Species.FLOATS, -LN2_LOW), r);
    FloatVector p = FloatVector.broadcast(Species.FLOATS, 1f / 5040);
    p = p.fma(r, FloatVector.broadcast(Species.FLOATS, 1f / 720));
    p = p.fma(r, FloatVector.broadcast(Species.FLOATS, 1f / 120));
    p = p.fma(r, FloatVector.broadcast(Species.FLOATS, 1f / 24));
    p = p.fma(r, FloatVector.broadcast(Species.FLOATS, 1f / 6));
    p = p.fma(r, FloatVector.broadcast(Species.FLOATS, 0.5f));
    p = p.fma(r, FloatVector.broadcast(Species.FLOATS, 1f));
    p = p.fma(r, FloatVector.broadcast(Species.FLOATS, 1f));
    IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
    FloatVector result = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
    return result.blend(0, x.lt(LOWEST));
  }

  /** {@code e^x} for every {@code x}; what would overflow is {@code e^88}. NaN stays NaN. */
  static FloatVector expAny(FloatVector x) {
    return exp(x.blend(HIGHEST, x.compare(VectorOperators.GT, HIGHEST)));
  }
}

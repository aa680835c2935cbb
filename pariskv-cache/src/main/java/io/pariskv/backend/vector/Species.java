package io.pariskv.backend.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width, chosen once: the machine's preferred one, or what the system property {@code
 * pariskv.vectorBits} (128, 256 or 512) says, which is how tests run every width. Constants, because the
 * compiler only makes vector instructions of a species it knows at compile time.
 */
final class Species {
  /** Name of the system property. */
  static final String PROPERTY = "pariskv.vectorBits";

  private static final VectorShape SHAPE = shape();

  /** The width in bits. */
  static final int BITS = SHAPE.vectorBitSize();

  /** Floats. */
  static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class, SHAPE);

  /** Ints, as many as floats. */
  static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SHAPE);

  /** Bytes, four times as many as floats. */
  static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, SHAPE);

  /** Shorts of half the width: as many as floats. */
  static final VectorSpecies<Short> HALF_SHORTS = VectorSpecies.of(short.class,
      VectorShape.forBitSize(BITS / 2));

  private Species() {
  }

  private static VectorShape shape() {
    int preferred = FloatVector.SPECIES_PREFERRED.vectorBitSize();
    int bits = Integer.getInteger(PROPERTY, Math.min(preferred, 512));
    if (bits != 128 && bits != 256 && bits != 512) {
      throw new IllegalArgumentException(PROPERTY + " must be 128, 256 or 512, not " + bits);
    }
    return VectorShape.forBitSize(bits);
  }
}

package io.pariskv.index;

/**
 * The fixed random rotation that spreads a key's energy over all coordinates: {@code y = H (signs .* x)},
 * where {@code H} is the Walsh-Hadamard matrix and {@code signs} a seeded vector of +-1.
 *
 * <p>{@code H} is left unscaled here: {@code y / sqrt(d)} preserves inner products and norms. Unscaled,
 * the transform is additions and subtractions of floats in a fixed order, so every backend gets the
 * same bits, and so the same centroid ids.
 *
 * <p>The order: for {@code half = 1, 2, 4, ... d/2}, each pair {@code (a, b)} at distance {@code half}
 * becomes {@code (a + b, a - b)}.
 *
 * <p>Cost {@code d log2 d} additions. Stateless, thread-safe. Randomised Hadamard transform: Ailon and
 * Chazelle 2006.
 */
public final class HadamardRotation {
  /** Seed of the signs; part of the format of a saved index. */
  private static final long SEED = 0x5061726973_4b56L; // "ParisKV"

  private HadamardRotation() {
  }

  /**
   * The signs for a head size, the same for all layers and heads.
   *
   * @param headDim a power of two
   * @return {@code headDim} values, each 1 or -1
   */
  public static float[] signs(int headDim) {
    requirePowerOfTwo(headDim);
    float[] signs = new float[headDim];
    for (int i = 0; i < headDim; i++) {
      signs[i] = mix(SEED + 0x9e3779b97f4a7c15L * (i + 1)) < 0 ? -1 : 1;
    }
    return signs;
  }

  /** Applies {@code H} in place to {@code y[from .. from + headDim)}. */
  public static void transform(float[] y, int from, int headDim) {
    for (int half = 1; half < headDim; half <<= 1) {
      for (int block = from; block < from + headDim; block += 2 * half) {
        for (int i = block; i < block + half; i++) {
          float a = y[i];
          float b = y[i + half];
          y[i] = a + b;
          y[i + half] = a - b;
        }
      }
    }
  }

  /** {@code 1 / sqrt(headDim)} as every backend uses it. */
  public static float scale(int headDim) {
    return (float) (1 / Math.sqrt(headDim));
  }

  private static void requirePowerOfTwo(int headDim) {
    if (headDim < 1 || Integer.bitCount(headDim) != 1) {
      throw new IllegalArgumentException("head size " + headDim + " is not a power of two");
    }
  }

  /** The finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
  static long mix(long z) {
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    return z ^ z >>> 31;
  }
}

package io.pariskv.index;

import io.pariskv.error.InputException;

/**
 * How keys and queries are hashed by the signs of inner products with random planes: {@code tables} hash tables of {@code
 * bits} bits each. Two vectors at angle {@code theta} have a bit in common with probability {@code 1 - theta / pi}
 * (Charikar 2002). MagicPIG (arXiv 2410.16179), section 4.
 *
 * <p>A key is sampled if at least {@link #COLLISIONS} of its tables have all bits in common with those of the query.
 * Bit {@code j} of table {@code t} belongs to plane {@code t * bits + j}.
 *
 * @param bits bits of a table, the release's K: 1 to 16
 * @param tables tables, the release's L: 2 to 1,024
 */
public record SimHash(int bits, int tables) {
  /** Tables in which a sampled key collides with the query, at least. */
  public static final int COLLISIONS = 2;

  /** Most tables. */
  public static final int MOST_TABLES = 1_024;

  /** Seed of the planes. */
  public static final long SEED = 0x4d61676963_504947L; // "MagicPIG"

  /** Intervals of {@link #logWeights}, equal parts of the cosines from -1 to 1. */
  public static final int INTERVALS = 4_096;

  /** What is added to a probability, so that no weight is above 10,000; the release's. */
  private static final double LEAST = 1e-4;

  private static final int MOST_BITS = 16;
  private static final long GOLDEN = 0x9e3779b97f4a7c15L;

  /** Checks the settings; the message names the setting as the command line does, and both numbers. */
  public SimHash {
    if (bits < 1 || bits > MOST_BITS) {
      throw new InputException("lsh-bits " + bits + " must be from 1 to " + MOST_BITS);
    }
    if (tables < COLLISIONS || tables > MOST_TABLES) {
      throw new InputException(
          "lsh-tables " + tables + " must be from " + COLLISIONS + " to " + MOST_TABLES);
    }
  }

  /** Planes of all tables. */
  public int planes() {
    return bits * tables;
  }

  /** Planes rounded up to whole words of 32 bits, for rows of aligned memory. */
  public int stride() {
    return Math.ceilDiv(planes(), Integer.SIZE) * Integer.SIZE;
  }

  /**
   * The planes' coordinates, {@code [headDim][stride]}, zeros beyond the planes: independent normal numbers, the same
   * on every machine. All layers and heads share them. With more tables the first planes are the same.
   */
  public float[] planes(int headDim, long seed) {
    float[] planes = new float[Math.multiplyExact(headDim, stride())];
    for (int plane = 0; plane < planes(); plane++) {
      for (int i = 0; i < headDim; i++) {
        planes[i * stride() + plane] = normal(seed, (long) plane * headDim + i);
      }
    }
    return planes;
  }

  /** Number {@code n} of a seeded series of normal numbers, by the transform of Box and Muller. */
  private static float normal(long seed, long n) {
    double radius = uniform(seed, 2 * n);
    double angle = uniform(seed, 2 * n + 1);
    return (float) (StrictMath.sqrt(-2 * StrictMath.log(radius))
        * StrictMath.cos(2 * Math.PI * angle));
  }

  /** Above 0, up to 1. */
  private static double uniform(long seed, long n) {
    return ((HadamardRotation.mix(seed + GOLDEN * (n + 1)) >>> 11) + 1) * 0x1p-53;
  }

  /**
   * The probability that a key is sampled whose angle to the query has this cosine: with {@code x = (1 - theta /
   * pi)^bits} that is {@code 1 - (1 - x)^tables - tables * x * (1 - x)^(tables - 1)}. Over random planes; a cosine
   * that is not a number counts as 0, since a key without a direction has bits that are as good as random.
   */
  public double probability(double cosine) {
    double within = Double.isNaN(cosine) ? 0 : Math.clamp(cosine, -1, 1);
    double x = StrictMath.pow(1 - StrictMath.acos(within) / Math.PI, bits);
    int others = tables - 1; // so that little is lost where x is small
    return Math.max(0,
        -StrictMath.expm1(others * StrictMath.log1p(-x) + StrictMath.log1p(others * x)));
  }

  /** What a sampled key's score is raised by: {@code -ln(probability + 0.0001)}. */
  public double logWeight(double cosine) {
    return -StrictMath.log(probability(cosine) + LEAST);
  }

  /** {@link #logWeight} of the cosines at the borders of the intervals, {@code [INTERVALS + 1]}. */
  public float[] logWeights() {
    float[] weights = new float[INTERVALS + 1];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) logWeight(2.0 * i / INTERVALS - 1);
    }
    return weights;
  }

  /**
   * The weight of a key by straight lines between {@link #logWeights}, in float; so that all backends give equal bits.
   *
   * @param dot inner product of query and key
   * @param query2 of the query with itself
   * @param key2 of the key with itself
   */
  public static float logWeight(float[] logWeights, float dot, float query2, float key2) {
    float cosine = dot / ((float) Math.sqrt(query2) * (float) Math.sqrt(key2));
    float x = Float.isNaN(cosine)
        ? INTERVALS / 2f
        : (Math.clamp(cosine, -1, 1) + 1) * (INTERVALS / 2f);
    int i = Math.min((int) x, INTERVALS - 1);
    return Math.fma(x - i, logWeights[i + 1] - logWeights[i], logWeights[i]);
  }
}

package io.pariskv.index;

/**
 * The 256 centroids of a subspace: the sign patterns {@code {+-1}^8 / sqrt(8)}. Bit {@code j} of a
 * centroid's id is set when coordinate {@code j} is {@code >= 0}, so a key's centroid is its sign bits
 * and no codebook is stored.
 *
 * <p>The score of a centroid against a query block {@code p} is {@code sum_j +-p_j}, taken as the sum
 * of two halves so that all 256 come from two tables of 16: {@code score(c) = low[c & 15] + high[c >>> 4]}.
 * Each half adds its four terms in the order of {@code j}. This order is part of the contract: scores,
 * and with them the order of the centroids, are equal in all backends bit for bit.
 */
public final class SignCentroids {
  /** Coordinates of a subspace: the paper's {@code m}. */
  public static final int SUBSPACE_DIM = 8;

  /** Centroids of a subspace. */
  public static final int COUNT = 256;

  private SignCentroids() {
  }

  /** Subspaces of a head: the paper's {@code B}. */
  public static int subspaces(int headDim) {
    return headDim / SUBSPACE_DIM;
  }

  /**
   * Fills the two half tables of a query block.
   *
   * @param p block at {@code p[from .. from + 8)}
   * @param halves out, 32 values: {@code low} then {@code high}
   */
  public static void halfScores(float[] p, int from, float[] halves) {
    for (int half = 0; half < 2; half++) {
      int at = from + 4 * half;
      for (int bits = 0; bits < 16; bits++) {
        float sum = signed(p[at], bits & 1);
        sum += signed(p[at + 1], bits & 2);
        sum += signed(p[at + 2], bits & 4);
        sum += signed(p[at + 3], bits & 8);
        halves[16 * half + bits] = sum;
      }
    }
  }

  /** The score of centroid {@code c} from the tables of {@link #halfScores}. */
  public static float score(float[] halves, int c) {
    return halves[c & 15] + halves[16 + (c >>> 4)];
  }

  private static float signed(float value, int bit) {
    return bit != 0 ? value : -value;
  }
}

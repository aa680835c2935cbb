package io.pariskv.index;

import io.pariskv.memory.Buffer;

/**
 * Finds the codebooks of one KV head by k-means in each sub-vector: Lloyd's algorithm, Euclidean, {@link #ITERATIONS}
 * rounds of assigning and averaging. PQCache (arXiv 2407.12820), section 3.2.
 *
 * <p>It begins with rows that differ: row {@code (SEED + i * step(n)) mod n} for {@code i = 0, 1, ...} in turn, each row
 * once, leaving out those whose sub-vector equals (as numbers) one that was taken, until there are as many as
 * centroids. If there are not so many, all others are like the first. So with no more different
 * sub-vectors than centroids each gets one of its own.
 *
 * <p>Then each round every row goes to its nearest centroid, as {@link KeyCoding} says, and each centroid that has rows
 * becomes their mean; one that has none stays. With {@code e} the exponent of the largest finite magnitude in the
 * sub-vector, as {@link Math#getExponent} says, {@code scale = 2^(35 - e)}:
 *
 * <pre>
 * S        = sum over its rows of (long) rint((double) x * scale), 0 for an x that is not finite
 * centroid = (float) ((double) S / count / scale)
 * </pre>
 *
 * <p>Whole numbers, which no order changes, so sums may be shared among threads; and with at most {@link #MOST_ROWS} rows below
 * 2^53. Exact: all backends give equal bits. Cost: {@code ITERATIONS * n * headDim * centroids} subtractions and
 * fused multiply-adds.
 */
public interface CodebookTraining {
  /** Rounds. */
  int ITERATIONS = 10;

  /** Most rows that a codebook is trained on. */
  int MOST_ROWS = 1 << 16;

  /**
   * @param rows {@code [n][headDim]} in the store's type, 1 to {@link #MOST_ROWS} keys
   * @param codebooks out, the row of {@code kvHead}; room for one key must be reserved
   */
  void train(Buffer rows, ProductQuantizer quantizer, int layer, int slot, int kvHead,
      ZoneTable codebooks);

  /** The step of the walk over {@code n} rows: the largest number up to 0.618 n that has no divisor in common with it. */
  static int step(int n) {
    int step = Math.max(1, (int) (n * 618L / 1000));
    while (gcd(step, n) != 1) {
      step--;
    }
    return step;
  }

  private static int gcd(int a, int b) {
    return b == 0 ? a : gcd(b, a % b);
  }

  /**
   * Checks the arguments' shapes, and returns the number of rows.
   *
   * @throws IllegalArgumentException if they do not fit; the message names both
   */
  static int require(Buffer rows, ProductQuantizer quantizer, ZoneTable codebooks) {
    quantizer.requireCodebooks(codebooks.shape(), codebooks);
    long n = rows.shape().axis(0);
    rows.require("training rows", codebooks.shape().dtype(), n, codebooks.shape().headDim());
    if (n < 1 || n > MOST_ROWS) {
      throw new IllegalArgumentException(n + " training rows; 1 to " + MOST_ROWS + " allowed");
    }
    return (int) n;
  }
}

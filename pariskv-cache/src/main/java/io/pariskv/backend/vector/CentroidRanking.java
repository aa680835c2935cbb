package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LT;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * Tiers of one subspace at a time, with the scratch memory for it. One per thread.
 *
 * <p>A tier depends only on how many keys the better centroids have, so no order is needed: that number
 * is added up for each centroid over all others, 16 sums at once. To make it cheap, a bisection over
 * scores first drops the many centroids that are certain to get no weight.
 */
final class CentroidRanking {
  private static final int TIERS = 6;

  /** Halvings of the range of scores before the exact work: few centroids too many are left. */
  private static final int BISECTIONS = 7;

  private static final int LANES = Species.INTS.length();

  /** Ones from {@code LANES} on: read at an offset, a step between any two lanes. */
  private static final int[] STEP = new int[2 * LANES];

  static {
    Arrays.fill(STEP, LANES, 2 * LANES, 1);
  }

  private static final IntVector IOTA = IntVector.zero(Species.INTS).addIndex(1);

  /** {@code limits[w]}: a centroid with fewer keys before it has at least weight {@code w}. */
  private final int[] limits = new int[TIERS + 1];
  private int widestLimit;

  private final float[] block = new float[SignCentroids.SUBSPACE_DIM];
  private final float[] halves = new float[32];
  /** Scores as ordered ints, by centroid. */
  private final int[] scores = new int[SignCentroids.COUNT];

  // The centroids that may have weight, by id; room for a whole vector at the end.
  private final int[] ids = new int[SignCentroids.COUNT + LANES];
  private final int[] keptScores = new int[SignCentroids.COUNT + LANES];
  private final int[] keptCounts = new int[SignCentroids.COUNT + LANES];
  private final int[] weights = new int[SignCentroids.COUNT + LANES];

  /** Takes the population limits of {@code slot}. */
  void setLimits(HostKeyIndex index, int slot) {
    widestLimit = 0;
    for (int weight = 1; weight <= TIERS; weight++) {
      limits[weight] = index.budget(slot, KeyIndex.BUDGET_FIELDS - weight);
      widestLimit = Math.max(widestLimit, limits[weight]);
    }
  }

  /**
   * Ranks one subspace.
   *
   * @param p address of the query block, {@code [8] f32}
   * @param populations address of {@code [256] i32}
   * @param tiers address of the result, {@code [256] u8}
   */
  void rank(long p, long populations, long tiers) {
    score(p);
    int kept = keep(cut(populations), populations);
    weigh(kept);
    ByteVector zero = ByteVector.zero(Species.BYTES);
    for (int c = 0; c < SignCentroids.COUNT; c += zero.length()) {
      zero.intoMemorySegment(Raw.ALL, tiers + c, ByteOrder.LITTLE_ENDIAN);
    }
    for (int i = 0; i < kept; i++) {
      Raw.ALL.set(ValueLayout.JAVA_BYTE, tiers + ids[i], (byte) weights[i]);
    }
  }

  private void score(long p) {
    MemorySegment.copy(Raw.ALL, ValueLayout.JAVA_FLOAT, p, block, 0, block.length);
    SignCentroids.halfScores(block, 0, halves);
    for (int high = 0; high < 16; high++) {
      for (int low = 0; low < 16; low += LANES) {
        FloatVector sum = FloatVector.fromArray(Species.FLOATS, halves, low)
            .add(halves[16 + high]);
        OrderedFloats.toInts(sum).intoArray(scores, 16 * high + low);
      }
    }
  }

  /** A score such that the centroids with at least that have all the keys that get weight. */
  private int cut(long populations) {
    float high = 0;
    for (int i = 0; i < SignCentroids.SUBSPACE_DIM; i++) {
      high += Math.abs(block[i]);
    }
    float low = -high;
    int cut = Integer.MIN_VALUE; // all centroids
    for (int i = 0; i < BISECTIONS; i++) {
      float middle = (low + high) / 2;
      int bound = OrderedFloats.toInt(middle);
      if (keysFrom(bound, populations) >= widestLimit) {
        low = middle;
        cut = bound;
      } else {
        high = middle;
      }
    }
    return cut;
  }

  /** Keys of the centroids with at least that score. */
  private int keysFrom(int score, long populations) {
    IntVector sum = IntVector.zero(Species.INTS);
    for (int c = 0; c < SignCentroids.COUNT; c += LANES) {
      VectorMask<Integer> reaching = IntVector.fromArray(Species.INTS, scores, c)
          .compare(GE, score);
      sum = sum.add(counts(populations, c), reaching);
    }
    return sum.reduceLanes(jdk.incubator.vector.VectorOperators.ADD);
  }

  private int keep(int cut, long populations) {
    int kept = 0;
    for (int c = 0; c < SignCentroids.COUNT; c += LANES) {
      VectorMask<Integer> reaching = IntVector.fromArray(Species.INTS, scores, c).compare(GE, cut);
      IOTA.add(c).compress(reaching).intoArray(ids, kept);
      kept += reaching.trueCount();
    }
    for (int i = 0; i < kept; i++) {
      keptScores[i] = scores[ids[i]];
      keptCounts[i] = Raw.ALL.get(ValueLayout.JAVA_INT, populations + 4L * ids[i]);
    }
    return kept;
  }

  private void weigh(int kept) {
    for (int from = 0; from < kept; from += LANES) {
      countBefore(from, kept);
    }
    for (int from = 0; from < kept; from += LANES) {
      IntVector before = IntVector.fromArray(Species.INTS, weights, from);
      IntVector weight = IntVector.zero(Species.INTS);
      for (int w = 1; w <= TIERS; w++) {
        weight = weight.blend(w, before.compare(LT, limits[w]));
      }
      weight.intoArray(weights, from);
    }
  }

  /**
   * Leaves in {@code weights}, for each kept centroid of a vector, the keys of those before it in the
   * order: a better score, or the same and a lower id.
   */
  private void countBefore(int from, int kept) {
    IntVector score = IntVector.fromArray(Species.INTS, keptScores, from);
    IntVector sum = IntVector.zero(Species.INTS);
    for (int i = 0; i < from; i++) {
      sum = sum.add(keptCounts[i], score.compare(LE, keptScores[i]));
    }
    int end = Math.min(from + LANES, kept);
    for (int i = from; i < end; i++) {
      // a >= b is a + 1 > b; the step adds the 1 for the lanes with a higher id.
      IntVector other = IntVector.fromArray(Species.INTS, STEP, LANES - 1 - (i - from))
          .add(keptScores[i]);
      sum = sum.add(keptCounts[i], other.compare(GT, score));
    }
    for (int i = end; i < kept; i++) {
      sum = sum.add(keptCounts[i], score.compare(LT, keptScores[i]));
    }
    sum.intoArray(weights, from);
  }

  private static IntVector counts(long populations, int centroid) {
    return IntVector.fromMemorySegment(Species.INTS, Raw.ALL,
        populations + (long) centroid * Integer.BYTES, ByteOrder.LITTLE_ENDIAN);
  }
}

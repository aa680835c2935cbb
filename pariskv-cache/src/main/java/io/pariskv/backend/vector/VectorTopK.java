package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.TopK;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * {@link TopK}, one task a head: bisects for the score that {@code k} candidates reach, counting with
 * compares, then writes those above it and the first of those at it.
 *
 * <p>Bisection runs over the floats as ordered integers, so it ends after at most 32 counts; it ends
 * earlier when a bound happens to separate exactly {@code k}.
 */
final class VectorTopK implements TopK {
  private static final int LANES = Species.FLOATS.length();
  private static final int LOWEST = OrderedFloats.toInt(Float.NEGATIVE_INFINITY);

  private final Workers workers;

  VectorTopK(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void select(KeyIndex index, Batch batch, Buffer candidates, Buffer scores,
      Selection selection) {
    ZoneRows rows = ZoneRows.of(index, batch);
    int kvHeads = rows.kvHeads();
    candidates.requireAtLeast("candidates", DType.I32, batch.rows(), kvHeads,
        rows.mostCandidates());
    scores.requireAtLeast("candidate scores", DType.F32, batch.rows(), kvHeads,
        rows.mostCandidates());
    selection.positions().requireAtLeast("selection", DType.I32, batch.rows(), kvHeads,
        rows.mostSelected());
    long candidatesAt = candidates.segment().address();
    long candidatesStride = candidates.shape().axis(2) * Integer.BYTES;
    long scoresAt = scores.segment().address();
    long scoresStride = scores.shape().axis(2) * Float.BYTES;
    long positionsAt = selection.positions().segment().address();
    long positionsStride = (long) selection.capacity() * Integer.BYTES;
    long countsAt = selection.counts().segment().address();
    workers.run(rows.heads(), head -> {
      int row = head / kvHeads;
      int k = rows.selected(row);
      if (k > 0) {
        select(scoresAt + head * scoresStride, candidatesAt + head * candidatesStride,
            rows.candidates(row), k, positionsAt + head * positionsStride);
      }
      Raw.ALL.set(ValueLayout.JAVA_INT, countsAt + (long) head * Integer.BYTES, k);
    });
  }

  /**
   * Selects the {@code k} best of one head, {@code 1 <= k <= count}.
   *
   * @param candidates address of what stands for each score, i32, or 0 for its number
   * @param out address of {@code k} i32
   */
  static void select(long scores, long candidates, int count, int k, long out) {
    int reached = LOWEST; // at least k candidates reach it
    int missed = OrderedFloats.toInt(Float.POSITIVE_INFINITY) + 1; // fewer do
    int left = -1; // how many candidates equal to the bound are taken; -1 while not known
    while (left < 0 && (long) missed - reached > 1) {
      int middle = (int) (((long) reached + missed) >> 1);
      int reaching = count(scores, count, OrderedFloats.toFloat(middle));
      if (reaching >= k) {
        reached = middle;
        left = reaching == k ? count : -1; // all of them
      } else {
        missed = middle;
      }
    }
    float bound = OrderedFloats.toFloat(reached);
    if (left < 0) {
      left = k - above(scores, count, bound);
    }
    write(scores, candidates, count, bound, left, out);
  }

  /** How many scores are at least {@code bound}, which is above negative infinity. */
  private static int count(long scores, int count, float bound) {
    int reaching = 0;
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      reaching += floats(scores, i).compare(GE, bound).trueCount();
    }
    for (; i < count; i++) {
      reaching += score(scores, i) >= bound ? 1 : 0;
    }
    return reaching;
  }

  private static int above(long scores, int count, float bound) {
    int above = 0;
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      above += floats(scores, i).compare(GT, bound).trueCount();
    }
    for (; i < count; i++) {
      above += score(scores, i) > bound ? 1 : 0;
    }
    return above;
  }

  private static void write(long scores, long candidates, int count, float bound, int tied,
      long out) {
    int left = tied;
    long next = out;
    int i = 0;
    // Not for negative infinity, which NaN is equal to but does not compare so.
    for (; i <= count - LANES && bound > Float.NEGATIVE_INFINITY; i += LANES) {
      VectorMask<Float> reaching = floats(scores, i).compare(GE, bound);
      if (reaching.anyTrue()) {
        long above = floats(scores, i).compare(GT, bound).toLong();
        long equal = Bits.lowest(left, reaching.toLong() & ~above);
        left -= Long.bitCount(equal);
        for (long bits = above | equal; bits != 0; bits &= bits - 1) {
          next = copy(candidates, i + Long.numberOfTrailingZeros(bits), next);
        }
      }
    }
    for (; i < count; i++) {
      float score = score(scores, i);
      boolean equal = score == bound || bound == Float.NEGATIVE_INFINITY;
      if (score > bound) {
        next = copy(candidates, i, next);
      } else if (equal && left > 0) {
        left--;
        next = copy(candidates, i, next);
      }
    }
  }

  /** Copies one candidate to the selection; returns the address after it. */
  private static long copy(long candidates, int i, long out) {
    int position = candidates == 0
        ? i
        : Raw.ALL.get(ValueLayout.JAVA_INT, candidates + (long) i * Integer.BYTES);
    Raw.ALL.set(ValueLayout.JAVA_INT, out, position);
    return out + Integer.BYTES;
  }

  private static float score(long scores, int i) {
    return Raw.ALL.get(ValueLayout.JAVA_FLOAT, scores + (long) i * Float.BYTES);
  }

  private static FloatVector floats(long address, int i) {
    return FloatVector.fromMemorySegment(Species.FLOATS, Raw.ALL, address + (long) i * Float.BYTES,
        ByteOrder.LITTLE_ENDIAN);
  }
}

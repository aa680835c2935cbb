package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.EQ;
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

  private static void select(long scores, long candidates, int count, int k, long out) {
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
    VectorMask<Float> rest = Species.FLOATS.indexInRange(i, count);
    return reaching + floats(scores, i, rest).compare(GE, bound, rest).trueCount();
  }

  private static int above(long scores, int count, float bound) {
    int above = 0;
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      above += floats(scores, i).compare(GT, bound).trueCount();
    }
    VectorMask<Float> rest = Species.FLOATS.indexInRange(i, count);
    return above + floats(scores, i, rest).compare(GT, bound, rest).trueCount();
  }

  private static void write(long scores, long candidates, int count, float bound, int tied,
      long out) {
    int left = tied;
    long next = out;
    for (int i = 0; i < count; i += LANES) {
      FloatVector score = i <= count - LANES
          ? floats(scores, i)
          : floats(scores, i, Species.FLOATS.indexInRange(i, count));
      long valid = Bits.lowest(Math.min(LANES, count - i));
      long above = score.compare(GT, bound).toLong() & valid;
      // NaN counts as negative infinity: at that bound whatever is not above it is equal to it.
      long equal = bound == Float.NEGATIVE_INFINITY
          ? ~above & valid
          : score.compare(EQ, bound).toLong() & valid;
      equal = Bits.lowest(left, equal);
      left -= Long.bitCount(equal);
      for (long bits = above | equal; bits != 0; bits &= bits - 1) {
        int at = i + Long.numberOfTrailingZeros(bits);
        int position = Raw.ALL.get(ValueLayout.JAVA_INT, candidates + (long) at * Integer.BYTES);
        Raw.ALL.set(ValueLayout.JAVA_INT, next, position);
        next += Integer.BYTES;
      }
    }
  }

  private static FloatVector floats(long address, int i) {
    return FloatVector.fromMemorySegment(Species.FLOATS, Raw.ALL, address + (long) i * Float.BYTES,
        ByteOrder.LITTLE_ENDIAN);
  }

  private static FloatVector floats(long address, int i, VectorMask<Float> used) {
    return FloatVector.fromMemorySegment(Species.FLOATS, Raw.ALL, address + (long) i * Float.BYTES,
        ByteOrder.LITTLE_ENDIAN, used);
  }
}

package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.UGE;
import static jdk.incubator.vector.VectorOperators.UGT;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.BucketTopK;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;

/**
 * {@link BucketTopK} in two parallel loops. First each head finds its threshold, by bisection over the
 * possible votes, and counts what each range of keys will contribute; then all ranges write, each
 * knowing where.
 */
final class VectorBucketTopK implements BucketTopK {
  /** Keys of one range, whole vectors. */
  private static final int RANGE = 8192;

  /** The largest byte. Votes are at most 192, but what is written must not depend on that. */
  private static final int MOST_VOTES = 255;

  /** The first guess of a threshold looks at so many places, at so many keys each. */
  private static final int SAMPLES = 16;
  private static final int SAMPLE = 256;

  private static final int LANES = Species.BYTES.length();

  private final Workers workers;
  /** {@code [heads]}, the number of votes that only some keys are taken of. */
  private int[] thresholds = new int[0];
  /** {@code [heads][ranges + 1]}, where a range's first position goes. */
  private int[] starts = new int[0];
  /** {@code [heads][ranges]}, how many keys at the threshold a range takes. */
  private int[] ties = new int[0];

  VectorBucketTopK(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void select(KeyIndex index, Batch batch, Buffer votes, Buffer candidates) {
    ZoneRows rows = ZoneRows.of(index, batch);
    int kvHeads = rows.kvHeads();
    int ranges = Math.ceilDiv(rows.mostKeys(), RANGE);
    votes.requireAtLeast("votes", DType.U8, batch.rows(), kvHeads, rows.mostKeys());
    candidates.requireAtLeast("candidates", DType.I32, batch.rows(), kvHeads,
        rows.mostCandidates());
    long votesAt = votes.segment().address();
    long votesStride = votes.shape().axis(2);
    long candidatesAt = candidates.segment().address();
    long candidatesStride = candidates.shape().axis(2) * Integer.BYTES;
    reserve(rows.heads(), ranges);
    workers.run(rows.heads(), head -> {
      int row = head / kvHeads;
      divide(head, ranges, votesAt + head * votesStride, rows.keys(row), rows.candidates(row));
    });
    workers.run(rows.heads() * ranges, task -> {
      int head = task / ranges;
      int from = task % ranges * RANGE;
      int to = Math.min(from + RANGE, rows.keys(head / kvHeads));
      int start = head * (ranges + 1) + task % ranges;
      long out = candidatesAt + head * candidatesStride;
      write(votesAt + head * votesStride, from, to, thresholds[head], ties[task],
          out + (long) starts[start] * Integer.BYTES,
          out + (long) starts[start + 1] * Integer.BYTES);
    });
  }

  private void reserve(int heads, int ranges) {
    if (thresholds.length < heads) {
      thresholds = new int[heads];
    }
    if (starts.length < heads * (ranges + 1)) {
      starts = new int[heads * (ranges + 1)];
      ties = new int[heads * ranges];
    }
  }

  /** Finds the threshold of one head and divides the work of writing. */
  private void divide(int head, int ranges, long votes, int keys, int wanted) {
    int threshold = threshold(votes, keys, wanted);
    int taken = 0; // of those above the threshold
    for (int range = 0; range < ranges; range++) {
      int from = Math.min(range * RANGE, keys);
      int to = Math.min(from + RANGE, keys);
      int above = count(votes, from, to, threshold + 1);
      starts[head * (ranges + 1) + range] = above;
      ties[head * ranges + range] = count(votes, from, to, threshold) - above;
      taken += above;
    }
    int left = wanted - taken;
    int start = 0;
    for (int range = 0; range < ranges; range++) {
      int above = starts[head * (ranges + 1) + range];
      int tied = Math.min(ties[head * ranges + range], left);
      starts[head * (ranges + 1) + range] = start;
      ties[head * ranges + range] = tied;
      left -= tied;
      start += above + tied;
    }
    starts[head * (ranges + 1) + ranges] = start;
    thresholds[head] = threshold;
  }

  /**
   * The most votes that at least {@code wanted} keys have: bisection, which tries a good guess and its
   * neighbour first.
   */
  static int threshold(long votes, int keys, int wanted) {
    int reached = 0; // enough keys have that many votes
    int missed = MOST_VOTES + 1; // too few have that many
    int next = Math.max(1, guess(votes, keys, wanted));
    for (int probe = 0; missed - reached > 1; probe++) {
      boolean enough = count(votes, 0, keys, next) >= wanted;
      int neighbour = enough ? next + 1 : next - 1;
      reached = enough ? next : reached;
      missed = enough ? missed : next;
      next = probe == 0 ? neighbour : (reached + missed) >>> 1;
    }
    return reached;
  }

  /** The threshold of a sample of the keys. */
  private static int guess(long votes, int keys, int wanted) {
    int stride = Math.max(SAMPLE, keys / SAMPLES);
    int reached = 0;
    int missed = MOST_VOTES + 1;
    while (missed - reached > 1) {
      int middle = (reached + missed) >>> 1;
      long count = 0;
      long sampled = 0;
      for (int from = 0; from < keys; from += stride) {
        int to = Math.min(from + SAMPLE, keys);
        count += count(votes, from, to, middle);
        sampled += to - from;
      }
      boolean enough = count * keys >= sampled * wanted;
      reached = enough ? middle : reached;
      missed = enough ? missed : middle;
    }
    return reached;
  }

  /** How many of the keys have at least {@code least} votes. */
  private static int count(long votes, int from, int to, int least) {
    if (least > MOST_VOTES) {
      return 0;
    }
    int count = 0;
    int key = from;
    for (; key <= to - LANES; key += LANES) {
      count += bytes(votes + key).compare(UGE, (byte) least).trueCount();
    }
    for (; key < to; key++) {
      count += vote(votes, key) >= least ? 1 : 0;
    }
    return count;
  }

  /** Writes the positions of one range. */
  private static void write(long votes, int from, int to, int threshold, int tied, long out,
      long end) {
    int left = tied;
    long next = out;
    int key = from;
    for (; key <= to - LANES; key += LANES) {
      ByteVector vote = bytes(votes + key);
      long above = vote.compare(UGT, (byte) threshold).toLong();
      long equal = Bits.lowest(left, vote.compare(EQ, (byte) threshold).toLong());
      left -= Long.bitCount(equal);
      next = Bits.writePositions(above | equal, LANES, key, next, end);
    }
    for (; key < to; key++) {
      int vote = vote(votes, key);
      if (vote > threshold || vote == threshold && left-- > 0) {
        Raw.ALL.set(ValueLayout.JAVA_INT, next, key);
        next += Integer.BYTES;
      }
    }
  }

  private static int vote(long votes, int key) {
    return Byte.toUnsignedInt(Raw.ALL.get(ValueLayout.JAVA_BYTE, votes + key));
  }

  private static ByteVector bytes(long address) {
    return ByteVector.fromMemorySegment(Species.BYTES, Raw.ALL, address, ByteOrder.LITTLE_ENDIAN);
  }
}

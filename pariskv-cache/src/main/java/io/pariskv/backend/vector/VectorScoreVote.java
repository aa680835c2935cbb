package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.S2I;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.ScoreVote;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * {@link ScoreVote}: a subspace's 256 scores stay in registers while a slab's ids stream by; see {@link
 * ByteTable}.
 *
 * <p>Sums need 16 bits. A vector of bytes is one of shorts too: those of even keys are the lower halves, those of
 * odd keys the upper ones, and they are added to sums of their own, without a conversion.
 */
final class VectorScoreVote implements ScoreVote {
  /** Keys of one task, whole slabs. */
  private static final int RANGE = 4 * TokenSlabs.SLAB_TOKENS;

  /** Bits of a float that a vote leaves out. */
  private static final int SHIFT = 18;

  private static final int LANES = ByteTable.LANES;
  private static final int HALF = TokenSlabs.SLAB_TOKENS / 2;

  /** Sums of the keys of one slab, even and odd ones. */
  private record Sums(short[] even, short[] odd) {
  }

  private final Workers workers;
  private final ThreadLocal<Sums> sums = ThreadLocal
      .withInitial(() -> new Sums(new short[HALF], new short[HALF]));

  VectorScoreVote(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void vote(KeyIndex index, int layer, Batch batch, Buffer table, Buffer votes) {
    index.require(Coarse.SCORES);
    ZoneRows rows = ZoneRows.of(index, batch);
    int kvHeads = rows.kvHeads();
    int subspaces = index.subspaces();
    int ranges = Math.ceilDiv(rows.mostKeys(), RANGE);
    table.require("centroid scores", DType.U8, batch.rows(), kvHeads, subspaces,
        SignCentroids.COUNT);
    votes.requireAtLeast("votes", DType.U8, batch.rows(), kvHeads, rows.mostKeys());
    long tableAt = table.segment().address();
    long votesAt = votes.segment().address();
    long capacity = votes.shape().axis(2);
    workers.run(rows.heads() * ranges, task -> {
      int head = task / ranges;
      int row = head / kvHeads;
      int from = task % ranges * RANGE;
      int to = Math.min(from + RANGE, rows.keys(row));
      for (int key = from; key < to; key += TokenSlabs.SLAB_TOKENS) {
        voteSlab(slab(rows.index(), layer, rows.slot(row), head % kvHeads, key),
            tableAt + (long) head * subspaces * SignCentroids.COUNT, subspaces,
            votesAt + head * capacity + key, Math.min(TokenSlabs.SLAB_TOKENS, to - key),
            sums.get());
      }
    });
  }

  /** Where a slab's ids and norms are, and where the votes of its KV head begin. */
  private record Slab(long ids, long norms, int floor) {
  }

  private static Slab slab(HostKeyIndex index, int layer, int slot, int kvHead, int key) {
    return new Slab(index.ids(layer, slot).address(kvHead * index.subspaces(), key),
        index.norms(layer, slot).address(kvHead, key),
        index.floors(layer, slot).segment().getAtIndex(ValueLayout.JAVA_INT, kvHead));
  }

  /** Ids and norms are read as whole vectors: a slab has room for them. Votes may end earlier. */
  private static void voteSlab(Slab slab, long table, int subspaces, long votes, int count,
      Sums sums) {
    int whole = count & -LANES;
    for (int b = 0; b < subspaces; b++) {
      addScores(slab.ids + (long) b * TokenSlabs.SLAB_TOKENS,
          table + (long) b * SignCentroids.COUNT, sums.even, sums.odd, whole, b == 0);
    }
    weigh(sums.even, sums.odd, subspaces * 128, slab.norms, slab.floor, votes, whole);
    for (int key = whole; key < count; key++) {
      voteKey(slab, key, table, subspaces, votes + key);
    }
  }

  /** Adds one subspace's scores to the sums, or starts the sums with them. */
  private static void addScores(long ids, long table, short[] even, short[] odd, int count,
      boolean first) {
    for (int key = 0; key < count; key += LANES) {
      ShortVector both = ByteTable.of256(table, ByteTable.bytes(ids + key)).reinterpretAsShorts();
      ShortVector ofEven = both.and((short) 0xff);
      ShortVector ofOdd = both.lanewise(LSHR, 8);
      if (!first) {
        ofEven = ofEven.add(ShortVector.fromArray(both.species(), even, key / 2));
        ofOdd = ofOdd.add(ShortVector.fromArray(both.species(), odd, key / 2));
      }
      ofEven.intoArray(even, key / 2);
      ofOdd.intoArray(odd, key / 2);
    }
  }

  private static void weigh(short[] even, short[] odd, int bias, long norms, int floor, long votes,
      int count) {
    for (int key = 0; key < count; key += 2 * Species.INTS.length()) {
      IntVector pair = IntVector.fromMemorySegment(Species.INTS, Raw.ALL, norms + 2L * key,
          ByteOrder.LITTLE_ENDIAN);
      IntVector vote = vote(even, key / 2, bias, pair.lanewise(LSHL, 16), floor).or(
          vote(odd, key / 2, bias, pair.and(0xffff0000), floor).lanewise(LSHL, 8));
      ((ShortVector) vote.convertShape(I2S, Species.HALF_SHORTS, 0)).intoMemorySegment(Raw.ALL,
          votes + key, ByteOrder.LITTLE_ENDIAN);
    }
  }

  private static IntVector vote(short[] sums, int at, int bias, IntVector norm, int floor) {
    IntVector sum = ((IntVector) ShortVector.fromArray(Species.HALF_SHORTS, sums, at)
        .convertShape(S2I, Species.INTS, 0)).sub(bias);
    FloatVector x = ((FloatVector) sum.convertShape(I2F, Species.FLOATS, 0))
        .mul(norm.reinterpretAsFloats());
    IntVector vote = x.reinterpretAsInts().sub(floor).lanewise(ASHR, SHIFT).max(0).min(255);
    return vote.blend(0, sum.compare(LE, 0).or(x.compare(NE, x).cast(Species.INTS)));
  }

  private static void voteKey(Slab slab, int key, long table, int subspaces, long vote) {
    int sum = -128 * subspaces;
    for (int b = 0; b < subspaces; b++) {
      int id = Byte.toUnsignedInt(Raw.ALL.get(ValueLayout.JAVA_BYTE,
          slab.ids + (long) b * TokenSlabs.SLAB_TOKENS + key));
      sum += Byte.toUnsignedInt(
          Raw.ALL.get(ValueLayout.JAVA_BYTE, table + (long) b * SignCentroids.COUNT + id));
    }
    float x = sum * Bf16.toFloat(Raw.getShort(slab.norms + 2L * key));
    int above = sum <= 0 || Float.isNaN(x) ? 0 : (Float.floatToRawIntBits(x) - slab.floor) >> SHIFT;
    Raw.ALL.set(ValueLayout.JAVA_BYTE, vote, (byte) Math.clamp(above, 0, 255));
  }
}

package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.CentroidScores;
import io.pariskv.retrieve.ScoreVote;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link ScoreVote}, a slab of keys at a time, in two steps: scores of four subspaces are added up in bytes (see
 * {@link ByteTable}), then these sums are added up and weighed. A lane of ints has four neighbouring keys all along, so
 * that nothing is moved between lanes but norms.
 */
final class VectorScoreVote implements ScoreVote {
  /** Keys of one task, whole slabs. */
  private static final int RANGE = 4 * TokenSlabs.SLAB_TOKENS;

  /** Bits of a float that a vote leaves out. */
  private static final int SHIFT = 18;

  /** Subspaces whose scores add up in a byte. */
  private static final int GROUP = 4;

  /** Groups of the largest head. */
  private static final int MOST_GROUPS = 8;

  private static final int SLAB = TokenSlabs.SLAB_TOKENS;
  private static final VectorSpecies<Integer> INTS = Species.INTS;
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int LANES = ByteTable.LANES;

  /** Bytes 0 and 2 of a lane. */
  private static final int EVEN = 0x00ff00ff;

  /** The second bf16 of a lane. */
  private static final int UPPER = 0xffff0000;

  /** Of two vectors of pairs, every second one: from the first on, and from the second on. */
  private static final IntVector FRONT = IntVector.zero(INTS).addIndex(2);
  private static final IntVector BACK = FRONT.add(1);

  private final Workers workers;
  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

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
      long sums = scratch.get().reserve((long) MOST_GROUPS * SLAB);
      for (int key = from; key < to; key += SLAB) {
        voteSlab(slab(rows.index(), layer, rows.slot(row), head % kvHeads, key),
            tableAt + (long) head * subspaces * SignCentroids.COUNT, sums,
            votesAt + head * capacity + key, Math.min(SLAB, to - key));
      }
    });
  }

  /** Where a slab's ids and norms are, and where the votes of its KV head begin. */
  private record Slab(long ids, long norms, int subspaces, int floor) {
  }

  private static Slab slab(HostKeyIndex index, int layer, int slot, int kvHead, int key) {
    return new Slab(index.ids(layer, slot).address(kvHead * index.subspaces(), key),
        index.norms(layer, slot).address(kvHead, key), index.subspaces(),
        index.floors(layer, slot).segment().getAtIndex(ValueLayout.JAVA_INT, kvHead));
  }

  /**
   * Ids and norms are read as whole vectors: a slab has room for them. Votes may end earlier.
   *
   * @param sums scratch memory, the sums of every group
   */
  private static void voteSlab(Slab slab, long table, long sums, long votes, int count) {
    int whole = count & -LANES;
    Raw.setFloat(sums, ByteTable.touch(slab.ids, slab.subspaces * SLAB)
        + ByteTable.touch(slab.norms, Short.BYTES * SLAB)); // rubbish for a moment
    for (int b = 0; b < slab.subspaces; b++) {
      ByteTable.add(slab.ids + (long) b * SLAB, table + (long) b * SignCentroids.COUNT,
          sums + (long) (b / GROUP) * SLAB, whole, b % GROUP == 0);
    }
    weigh(slab, sums, votes, whole);
    for (int key = whole; key < count; key++) {
      voteKey(slab, key, table, votes + key);
    }
  }

  /**
   * Adds up the groups and writes the votes. Without helper methods: in a loop as large as this one, a vector that
   * passes through a call becomes an object, see {@link PairKernel}.
   */
  private static void weigh(Slab slab, long sums, long votes, int count) {
    int bias = CentroidScores.BIAS * slab.subspaces;
    int groups = Math.ceilDiv(slab.subspaces, GROUP);
    int floor = slab.floor;
    for (int key = 0; key < count; key += LANES) {
      long sumsAt = (sums + key) & Raw.SPACE;
      long norms = (slab.norms + 2L * key) & Raw.SPACE;
      IntVector even = IntVector.zero(INTS);
      IntVector odd = even;
      for (int group = 0; group < groups; group++) {
        IntVector four = IntVector.fromMemorySegment(INTS, Raw.ALL, sumsAt + (long) group * SLAB,
            ORDER);
        even = even.add(four.and(EVEN));
        odd = odd.add(four.lanewise(LSHR, 8).and(EVEN));
      }
      IntVector first = IntVector.fromMemorySegment(INTS, Raw.ALL, norms, ORDER);
      IntVector second = IntVector.fromMemorySegment(INTS, Raw.ALL, norms + LANES, ORDER);
      IntVector front = FRONT.selectFrom(first, second);
      IntVector back = BACK.selectFrom(first, second);
      // What is not above 0 is not above the floor either.
      IntVector vote0 = ((FloatVector) even.and(0xffff).sub(bias)
          .convertShape(I2F, Species.FLOATS, 0)).mul(front.lanewise(LSHL, 16).reinterpretAsFloats())
          .reinterpretAsInts().max(floor).sub(floor).lanewise(LSHR, SHIFT).min(255);
      IntVector vote1 = ((FloatVector) odd.and(0xffff).sub(bias)
          .convertShape(I2F, Species.FLOATS, 0)).mul(front.and(UPPER).reinterpretAsFloats())
          .reinterpretAsInts().max(floor).sub(floor).lanewise(LSHR, SHIFT).min(255);
      IntVector vote2 = ((FloatVector) even.lanewise(LSHR, 16).sub(bias)
          .convertShape(I2F, Species.FLOATS, 0)).mul(back.lanewise(LSHL, 16).reinterpretAsFloats())
          .reinterpretAsInts().max(floor).sub(floor).lanewise(LSHR, SHIFT).min(255);
      IntVector vote3 = ((FloatVector) odd.lanewise(LSHR, 16).sub(bias)
          .convertShape(I2F, Species.FLOATS, 0)).mul(back.and(UPPER).reinterpretAsFloats())
          .reinterpretAsInts().max(floor).sub(floor).lanewise(LSHR, SHIFT).min(255);
      vote0.or(vote1.lanewise(LSHL, 8)).or(vote2.lanewise(LSHL, 16)).or(vote3.lanewise(LSHL, 24))
          .intoMemorySegment(Raw.ALL, (votes + key) & Raw.SPACE, ORDER);
    }
  }

  private static void voteKey(Slab slab, int key, long table, long vote) {
    int sum = -CentroidScores.BIAS * slab.subspaces;
    for (int b = 0; b < slab.subspaces; b++) {
      int id = Byte.toUnsignedInt(
          Raw.ALL.get(ValueLayout.JAVA_BYTE, slab.ids + (long) b * SLAB + key));
      sum += Raw.ALL.get(ValueLayout.JAVA_BYTE, table + (long) b * SignCentroids.COUNT + id);
    }
    int bits = Float.floatToRawIntBits(sum * Bf16.toFloat(Raw.getShort(slab.norms + 2L * key)));
    int above = sum <= 0 ? 0 : (bits - slab.floor) >> SHIFT;
    Raw.ALL.set(ValueLayout.JAVA_BYTE, vote, (byte) Math.clamp(above, 0, 255));
  }
}

package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.XOR;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.CollisionVote;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;

/**
 * {@link CollisionVote}: a subspace's 256 tiers stay in registers while a slab's ids stream by; see {@link
 * ByteTable}.
 */
final class VectorCollisionVote implements CollisionVote {
  /** Keys of one task, whole slabs. */
  private static final int RANGE = 4 * TokenSlabs.SLAB_TOKENS;

  private static final int CACHE_LINE = 64;

  private static final int LANES = ByteTable.LANES;

  private final Workers workers;

  VectorCollisionVote(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void vote(KeyIndex index, int layer, Batch batch, Buffer tiers, Buffer votes) {
    ZoneRows rows = ZoneRows.of(index, batch);
    int kvHeads = rows.kvHeads();
    int subspaces = index.subspaces();
    int ranges = Math.ceilDiv(rows.mostKeys(), RANGE);
    tiers.require("tiers", DType.U8, batch.rows(), kvHeads, subspaces, SignCentroids.COUNT);
    votes.requireAtLeast("votes", DType.U8, batch.rows(), kvHeads, rows.mostKeys());
    long tiersAt = tiers.segment().address();
    long votesAt = votes.segment().address();
    long capacity = votes.shape().axis(2);
    workers.run(rows.heads() * ranges, task -> {
      int head = task / ranges;
      int row = head / kvHeads;
      int from = task % ranges * RANGE;
      int to = Math.min(from + RANGE, rows.keys(row));
      long table = tiersAt + (long) head * subspaces * SignCentroids.COUNT;
      for (int key = from; key < to; key += TokenSlabs.SLAB_TOKENS) {
        long ids = rows.index().ids(layer, rows.slot(row)).address(head % kvHeads * subspaces, key);
        voteSlab(ids, table, subspaces, votesAt + head * capacity + key,
            Math.min(TokenSlabs.SLAB_TOKENS, to - key));
      }
    });
  }

  /** Ids are read as whole vectors: a slab has room for them. Votes may end earlier. */
  private static void voteSlab(long ids, long table, int subspaces, long votes, int count) {
    int whole = count & -LANES;
    if (whole > 0) { // rubbish for a moment: the first subspace starts the votes anew
      Raw.setFloat(votes, touch(ids, subspaces * TokenSlabs.SLAB_TOKENS));
    }
    for (int b = 0; b < subspaces; b++) {
      long idsOfB = ids + (long) b * TokenSlabs.SLAB_TOKENS;
      long tableOfB = table + (long) b * SignCentroids.COUNT;
      if (LANES >= 32) {
        addTiers(idsOfB, tableOfB, votes, whole, b == 0);
      } else {
        addHalfOfTiers(idsOfB, tableOfB, 0, votes, whole, b == 0);
        addHalfOfTiers(idsOfB, tableOfB + 128, 0x80, votes, whole, false);
      }
    }
    for (int key = whole; key < count; key++) {
      voteKey(ids + key, table, subspaces, votes + key);
    }
  }

  /**
   * Reads a little of every cache line of a slab's ids, and nothing else, so that many misses are under
   * way at a time: a fifth faster from memory than to meet them among the look-ups.
   *
   * @return something of what was read, for a use of it that the compiler cannot remove
   */
  private static int touch(long ids, int bytes) {
    int read = 0;
    for (int i = 0; i < bytes; i += CACHE_LINE) {
      read += Raw.getInt(ids + i);
    }
    return read;
  }

  /** Adds one subspace's tiers to the votes, or starts the votes with them. */
  private static void addTiers(long ids, long table, long votes, int count, boolean first) {
    for (int key = 0; key < count; key += LANES) {
      ByteVector tier = ByteTable.of256(table, ByteTable.bytes(ids + key));
      ByteVector sum = first ? tier : tier.add(ByteTable.bytes(votes + key));
      sum.intoMemorySegment(Raw.ALL, votes + key, ByteOrder.LITTLE_ENDIAN);
    }
  }

  /** The same for the ids with that upper bit: a whole table is too much for 16 lanes. */
  private static void addHalfOfTiers(long ids, long table, int upperBit, long votes, int count,
      boolean first) {
    for (int key = 0; key < count; key += LANES) {
      ByteVector id = ByteTable.bytes(ids + key).lanewise(XOR, (byte) upperBit);
      ByteVector sum = first ? ByteVector.zero(Species.BYTES) : ByteTable.bytes(votes + key);
      sum.add(ByteTable.of128(table, id), id.compare(GE, (byte) 0))
          .intoMemorySegment(Raw.ALL, votes + key, ByteOrder.LITTLE_ENDIAN);
    }
  }

  private static void voteKey(long ids, long table, int subspaces, long votes) {
    int sum = 0;
    for (int b = 0; b < subspaces; b++) {
      int id = Byte.toUnsignedInt(
          Raw.ALL.get(ValueLayout.JAVA_BYTE, ids + (long) b * TokenSlabs.SLAB_TOKENS));
      sum += Raw.ALL.get(ValueLayout.JAVA_BYTE, table + (long) b * SignCentroids.COUNT + id);
    }
    Raw.ALL.set(ValueLayout.JAVA_BYTE, votes, (byte) sum);
  }
}

package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

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
import jdk.incubator.vector.VectorMask;

/**
 * {@link CollisionVote}: a subspace's 256 tiers stay in registers while keys stream by.
 *
 * <p>A look-up takes a whole vector of ids: each pair of table registers answers for its share of the
 * 256 centroids, and the upper bits of an id choose among the answers. 128-bit registers would need 16
 * for one table, so that width adds byte by byte.
 */
final class VectorCollisionVote implements CollisionVote {
  /** Keys of one task, whole slabs. */
  private static final int RANGE = 4 * TokenSlabs.SLAB_TOKENS;

  private static final int LANES = Species.BYTES.length();

  /** Vectors of keys that share one load of the table. */
  private static final int UNROLL = 4;

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

  private static void voteSlab(long ids, long table, int subspaces, long votes, int count) {
    int key = 0;
    if (Species.BITS >= 256) {
      for (; key + UNROLL * LANES <= count; key += UNROLL * LANES) {
        voteVectors(ids + key, table, subspaces, votes + key);
      }
      for (; key < count; key += LANES) {
        voteVector(ids + key, table, subspaces, votes + key, count - key);
      }
    }
    for (; key < count; key++) {
      voteKey(ids + key, table, subspaces, votes + key);
    }
  }

  private static void voteVectors(long ids, long table, int subspaces, long votes) {
    ByteVector votes0 = ByteVector.zero(Species.BYTES);
    ByteVector votes1 = votes0;
    ByteVector votes2 = votes0;
    ByteVector votes3 = votes0;
    for (int b = 0; b < subspaces; b++) {
      long at = table + (long) b * SignCentroids.COUNT;
      long id = ids + (long) b * TokenSlabs.SLAB_TOKENS;
      votes0 = votes0.add(lookUp(at, bytes(id)));
      votes1 = votes1.add(lookUp(at, bytes(id + LANES)));
      votes2 = votes2.add(lookUp(at, bytes(id + 2L * LANES)));
      votes3 = votes3.add(lookUp(at, bytes(id + 3L * LANES)));
    }
    votes0.intoMemorySegment(Raw.ALL, votes, ByteOrder.LITTLE_ENDIAN);
    votes1.intoMemorySegment(Raw.ALL, votes + LANES, ByteOrder.LITTLE_ENDIAN);
    votes2.intoMemorySegment(Raw.ALL, votes + 2L * LANES, ByteOrder.LITTLE_ENDIAN);
    votes3.intoMemorySegment(Raw.ALL, votes + 3L * LANES, ByteOrder.LITTLE_ENDIAN);
  }

  /** Ids are read as a whole vector: a slab has room for it. Votes may end earlier. */
  private static void voteVector(long ids, long table, int subspaces, long votes, int count) {
    ByteVector sum = ByteVector.zero(Species.BYTES);
    for (int b = 0; b < subspaces; b++) {
      sum = sum.add(lookUp(table + (long) b * SignCentroids.COUNT,
          bytes(ids + (long) b * TokenSlabs.SLAB_TOKENS)));
    }
    VectorMask<Byte> used = Species.BYTES.indexInRange(0, count);
    sum.intoMemorySegment(Raw.ALL, votes, ByteOrder.LITTLE_ENDIAN, used);
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

  /** {@code table[id]} of every lane; the loads of the table are the same for all calls of a turn. */
  private static ByteVector lookUp(long table, ByteVector id) {
    if (Species.BITS == 512) {
      return half(table, id).blend(half(table + 128, id), id.compare(LT, (byte) 0));
    }
    VectorMask<Byte> odd = id.lanewise(jdk.incubator.vector.VectorOperators.AND, (byte) 64)
        .compare(NE, (byte) 0);
    ByteVector low = half(table, id).blend(half(table + 64, id), odd);
    ByteVector high = half(table + 128, id).blend(half(table + 192, id), odd);
    return low.blend(high, id.compare(LT, (byte) 0));
  }

  /** Look-up in the two registers of table at {@code at}, by the lower bits of the ids. */
  private static ByteVector half(long at, ByteVector id) {
    return id.selectFrom(bytes(at), bytes(at + LANES));
  }

  private static ByteVector bytes(long address) {
    return ByteVector.fromMemorySegment(Species.BYTES, Raw.ALL, address, ByteOrder.LITTLE_ENDIAN);
  }
}

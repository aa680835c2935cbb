package io.pariskv.backend.vector;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.CollisionVote;
import java.lang.foreign.ValueLayout;

/**
 * {@link CollisionVote}: a subspace's 256 tiers stay in registers while a slab's ids stream by; see {@link
 * ByteTable}.
 */
final class VectorCollisionVote implements CollisionVote {
  /** Keys of one task, whole slabs. */
  private static final int RANGE = 4 * TokenSlabs.SLAB_TOKENS;

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
      Raw.setFloat(votes, ByteTable.touch(ids, subspaces * TokenSlabs.SLAB_TOKENS));
    }
    for (int b = 0; b < subspaces; b++) {
      ByteTable.add(ids + (long) b * TokenSlabs.SLAB_TOKENS,
          table + (long) b * SignCentroids.COUNT, votes, whole, b == 0);
    }
    for (int key = whole; key < count; key++) {
      voteKey(ids + key, table, subspaces, votes + key);
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

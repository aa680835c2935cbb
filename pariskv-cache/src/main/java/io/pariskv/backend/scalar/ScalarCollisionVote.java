package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CollisionVote;

/** {@link CollisionVote} in plain Java. */
final class ScalarCollisionVote implements CollisionVote {
  @Override
  public void vote(KeyIndex index, int layer, Batch batch, Buffer tiers, Buffer votes) {
    HostKeyIndex keys = HostKeyIndex.of(index);
    int kvHeads = index.shape().kvHeads();
    int subspaces = index.subspaces();
    tiers.require("tiers", DType.U8, batch.rows(), kvHeads, subspaces, SignCentroids.COUNT);
    for (int row = 0; row < batch.rows() * kvHeads; row++) {
      int slot = Elements.getInt(batch.slots(), row / kvHeads);
      int tokens = keys.budget(slot, 0);
      votes.requireAtLeast("votes", DType.U8, batch.rows(), kvHeads, tokens);
      for (int token = 0; token < tokens; token++) {
        int sum = 0;
        for (int b = 0; b < subspaces; b++) {
          int id = Elements.getByte(
              keys.ids(layer, slot).row(row % kvHeads * subspaces + b, token), 0);
          long table = ((long) row * subspaces + b) * SignCentroids.COUNT;
          sum += Elements.getByte(tiers.segment(), table + id);
        }
        Elements.setByte(votes.segment(), row * votes.shape().axis(2) + token, sum);
      }
    }
  }
}

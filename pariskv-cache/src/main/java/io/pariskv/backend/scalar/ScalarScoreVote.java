package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CentroidScores;
import io.pariskv.retrieve.ScoreVote;
import java.lang.foreign.ValueLayout;

/** {@link ScoreVote} in plain Java. */
final class ScalarScoreVote implements ScoreVote {
  @Override
  public void vote(KeyIndex index, int layer, Batch batch, Buffer table, Buffer votes) {
    index.require(Coarse.SCORES);
    HostKeyIndex keys = HostKeyIndex.of(index);
    int kvHeads = index.shape().kvHeads();
    int subspaces = index.subspaces();
    table.require("centroid scores", DType.U8, batch.rows(), kvHeads, subspaces,
        SignCentroids.COUNT);
    for (int head = 0; head < batch.rows() * kvHeads; head++) {
      int slot = Elements.getInt(batch.slots(), head / kvHeads);
      int tokens = keys.budget(slot, 0);
      votes.requireAtLeast("votes", DType.U8, batch.rows(), kvHeads, tokens);
      for (int token = 0; token < tokens; token++) {
        int sum = 0;
        for (int b = 0; b < subspaces; b++) {
          int id = Elements
              .getByte(keys.ids(layer, slot).row(head % kvHeads * subspaces + b, token), 0);
          long entry = ((long) head * subspaces + b) * SignCentroids.COUNT + id;
          sum += Elements.getByte(table.segment(), entry) - CentroidScores.BIAS;
        }
        float norm = Bf16.toFloat(keys.norms(layer, slot).row(head % kvHeads, token)
            .get(ValueLayout.JAVA_SHORT, 0));
        int floor = Elements.getInt(keys.floors(layer, slot), head % kvHeads);
        Elements.setByte(votes.segment(), head * votes.shape().axis(2) + token,
            vote(sum, norm, floor));
      }
    }
  }

  private static int vote(int sum, float norm, int floor) {
    float x = sum * norm;
    return sum <= 0
        ? 0
        : Math.clamp((Float.floatToRawIntBits(x) - floor) >> 18, 0, 255);
  }
}

package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadVotes;

/** {@link HeadVotes} by a histogram a head. */
final class ScalarHeadVotes implements HeadVotes {
  @Override
  public void combine(KeyIndex index, Batch batch, Buffer votes, Buffer combined) {
    HostKeyIndex keys = HostKeyIndex.of(index);
    int kvHeads = index.shape().kvHeads();
    int group = index.shape().groupSize();
    int heads = batch.rows() * kvHeads;
    long capacity = combined.shape().axis(combined.shape().rank() - 1);
    votes.require("votes of heads", DType.U8, group, batch.rows(), kvHeads, capacity);
    for (int head = 0; head < heads; head++) {
      int slot = Elements.getInt(batch.slots(), head / kvHeads);
      int tokens = keys.budget(slot, 0);
      int wanted = Math.min(keys.budget(slot, 1), tokens);
      combined.requireAtLeast("votes", DType.U8, batch.rows(), kvHeads, tokens);
      int[] best = new int[tokens];
      for (int i = 0; i < group; i++) {
        long from = ((long) i * heads + head) * capacity;
        int cut = cut(votes, from, tokens, wanted);
        for (int token = 0; token < tokens; token++) {
          int vote = 128 + Elements.getByte(votes.segment(), from + token) - cut;
          best[token] = Math.max(best[token], Math.clamp(vote, 0, 255));
        }
      }
      for (int token = 0; token < tokens; token++) {
        Elements.setByte(combined.segment(), head * capacity + token, best[token]);
      }
    }
  }

  private static int cut(Buffer votes, long from, int tokens, int wanted) {
    int[] histogram = new int[256];
    for (int token = 0; token < tokens; token++) {
      histogram[Elements.getByte(votes.segment(), from + token)]++;
    }
    int cut = 255;
    int reaching = histogram[cut];
    while (cut > 0 && reaching < wanted) {
      cut--;
      reaching += histogram[cut];
    }
    return cut;
  }
}

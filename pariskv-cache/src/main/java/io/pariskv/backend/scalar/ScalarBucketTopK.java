package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.BucketTopK;

/** {@link BucketTopK} by a histogram of the votes. */
final class ScalarBucketTopK implements BucketTopK {
  @Override
  public void select(KeyIndex index, Batch batch, Buffer votes, Buffer candidates) {
    HostKeyIndex keys = HostKeyIndex.of(index);
    int kvHeads = index.shape().kvHeads();
    for (int row = 0; row < batch.rows() * kvHeads; row++) {
      int slot = Elements.getInt(batch.slots(), row / kvHeads);
      int tokens = keys.budget(slot, 0);
      int wanted = Math.min(keys.budget(slot, 1), tokens);
      votes.requireAtLeast("votes", DType.U8, batch.rows(), kvHeads, tokens);
      candidates.requireAtLeast("candidates", DType.I32, batch.rows(), kvHeads, wanted);
      select(votes, row * votes.shape().axis(2), tokens, wanted, candidates,
          row * candidates.shape().axis(2));
    }
  }

  private static void select(Buffer votes, long from, int tokens, int wanted, Buffer candidates,
      long to) {
    int[] histogram = new int[256];
    for (int token = 0; token < tokens; token++) {
      histogram[Elements.getByte(votes.segment(), from + token)]++;
    }
    int threshold = 256;
    int above = 0; // keys with more votes than the threshold
    while (threshold > 0 && above + histogram[threshold - 1] <= wanted) {
      threshold--;
      above += histogram[threshold];
    }
    threshold--; // the level that only some are taken of; -1 if all keys are
    int atThreshold = wanted - above;
    int taken = 0;
    for (int token = 0; token < tokens; token++) {
      int count = Elements.getByte(votes.segment(), from + token);
      boolean take = count > threshold || count == threshold && atThreshold-- > 0;
      if (take) {
        Elements.setInt(candidates, to + taken++, token);
      }
    }
  }
}

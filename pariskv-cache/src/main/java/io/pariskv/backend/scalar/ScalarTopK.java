package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.TopK;
import java.util.Arrays;

/** {@link TopK} by sorting all candidates. */
final class ScalarTopK implements TopK {
  @Override
  public void select(KeyIndex index, Batch batch, Buffer candidates, Buffer scores,
      Selection selection) {
    HostKeyIndex keys = HostKeyIndex.of(index);
    int kvHeads = index.shape().kvHeads();
    for (int row = 0; row < batch.rows() * kvHeads; row++) {
      int slot = Elements.getInt(batch.slots(), row / kvHeads);
      int count = Math.min(keys.budget(slot, 1), keys.budget(slot, 0));
      int k = Math.min(keys.budget(slot, 2), count);
      candidates.requireAtLeast("candidates", DType.I32, batch.rows(), kvHeads, count);
      scores.requireAtLeast("candidate scores", DType.F32, batch.rows(), kvHeads, count);
      selection.positions().requireAtLeast("selection", DType.I32, batch.rows(), kvHeads, k);
      float[] values = Elements.floats(scores.segment(), DType.F32, row * scores.shape().axis(2),
          count);
      int[] best = Arrays.copyOf(Order.descending(values), k);
      Arrays.sort(best); // candidates ascend, so their places do too
      for (int i = 0; i < k; i++) {
        int key = Elements.getInt(candidates, row * candidates.shape().axis(2) + best[i]);
        Elements.setInt(selection.positions(), (long) row * selection.capacity() + i, key);
      }
      Elements.setInt(selection.counts(), row, k);
    }
  }
}

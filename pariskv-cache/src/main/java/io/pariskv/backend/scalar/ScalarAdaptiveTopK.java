package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.AdaptiveTopK;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** {@link AdaptiveTopK} by sorting all candidates. */
final class ScalarAdaptiveTopK implements AdaptiveTopK {
  @Override
  public void select(KeyIndex index, int layer, Batch batch, Buffer candidates, Buffer weights,
      ZoneTable norms, int share, Selection selection, Buffer totals) {
    AdaptiveTopK.requireShare(share);
    HostKeyIndex keys = HostKeyIndex.of(index);
    HostZoneTable table = HostZoneTable.of(norms);
    int kvHeads = index.shape().kvHeads();
    for (int row = 0; row < batch.rows() * kvHeads; row++) {
      int slot = Elements.getInt(batch.slots(), row / kvHeads);
      int count = Math.min(keys.budget(slot, 1), keys.budget(slot, 0));
      int most = Math.min(keys.budget(slot, 2), count);
      candidates.requireAtLeast("candidates", DType.I32, batch.rows(), kvHeads, count);
      weights.requireAtLeast("candidate weights", DType.F32, batch.rows(), kvHeads, count);
      selection.positions().requireAtLeast("selection", DType.I32, batch.rows(), kvHeads, most);
      long from = row * candidates.shape().axis(2);
      float[] w = Elements.floats(weights.segment(), DType.F32, row * weights.shape().axis(2),
          count);
      float[] b = new float[count];
      for (int i = 0; i < count; i++) {
        int key = Elements.getInt(candidates, from + i);
        float norm = Elements.getFloat(table.row(layer, slot, row % kvHeads, key), DType.BF16, 0);
        w[i] = w[i] > 0 ? w[i] : 0;
        b[i] = Math.min(w[i] * norm, Float.MAX_VALUE);
      }
      int[] chosen = choose(w, b, most, share);
      for (int i = 0; i < chosen.length; i++) {
        Elements.setInt(selection.positions(), (long) row * selection.capacity() + i,
            Elements.getInt(candidates, from + chosen[i]));
      }
      Elements.setInt(selection.counts(), row, chosen.length);
      add(totals, 2 * slot, chosen.length);
      add(totals, 2 * slot + 1, most > 0 ? 1 : 0);
    }
  }

  /** Places of those that are selected, ascending. */
  private static int[] choose(float[] w, float[] b, int most, int share) {
    int[] order = Order.descending(w);
    int count = enough(order, w, b, most, share);
    int[] chosen = Arrays.copyOf(order, count);
    Arrays.sort(chosen);
    return chosen;
  }

  private static int enough(int[] order, float[] w, float[] b, int most, int share) {
    float largest = 0;
    for (float each : b) {
      largest = Math.max(largest, each);
    }
    if (largest == 0) {
      return most;
    }
    long[] f = new long[b.length];
    long total = 0;
    for (int i = 0; i < b.length; i++) {
      f[i] = (long) (b[i] / largest * 0x1p40f);
      total += f[i];
    }
    long enough = total - (total >> 16) * (65_536 - share);
    int count = 0;
    long sum = 0;
    while (count < most && (sum < enough || w[order[count]] == w[order[count - 1]])) {
      sum += f[order[count++]];
    }
    return count;
  }

  private static void add(Buffer totals, int i, int more) {
    long before = totals.segment().getAtIndex(ValueLayout.JAVA_LONG, i);
    totals.segment().setAtIndex(ValueLayout.JAVA_LONG, i, before + more);
  }
}

package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostZoneTopK;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.index.PageBounds;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.ZoneTopK;
import java.util.Arrays;
import java.util.function.IntUnaryOperator;

/** {@link ZoneTopK} by sorting all items. */
final class ScalarZoneTopK extends HostZoneTopK {
  @Override
  protected void select(KvStore kv, Batch batch, Buffer scores, int unit,
      IntUnaryOperator most, Selection selection) {
    int heads = selection.heads();
    for (int head = 0; head < batch.rows() * heads; head++) {
      int slot = Elements.getInt(batch.slots(), head / heads);
      int keys = HostKvStore.of(kv).zones(slot).retrievalTokens();
      int items = PageBounds.pages(keys, unit);
      scores.requireAtLeast("scores", DType.F32, batch.rows(), heads, items);
      float[] values = Elements.floats(scores.segment(), DType.F32, head * scores.shape().axis(2),
          items);
      int[] best = Arrays.copyOf(Order.descending(values), Math.min(most.applyAsInt(slot), items));
      Arrays.sort(best);
      int count = 0;
      for (int item : best) {
        for (int key = item * unit; key < Math.min((item + 1) * unit, keys); key++) {
          Elements.setInt(selection.positions(), (long) head * selection.capacity() + count++, key);
        }
      }
      Elements.setInt(selection.counts(), head, count);
    }
  }
}

package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostZoneTopK;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.index.PageBounds;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.ZoneTopK;
import java.lang.foreign.ValueLayout;
import java.util.function.IntUnaryOperator;

/** {@link ZoneTopK} as {@link VectorTopK} selects, one task a head; items become their keys where they are. */
final class VectorZoneTopK extends HostZoneTopK {
  private final Workers workers;

  VectorZoneTopK(Workers workers) {
    this.workers = workers;
  }

  @Override
  protected void select(KvStore kv, Batch batch, Buffer scores, int unit, IntUnaryOperator most,
      Selection selection) {
    HostKvStore store = HostKvStore.of(kv);
    int heads = selection.heads();
    scores.requireAtLeast("scores", DType.F32, batch.rows(), heads,
        PageBounds.pages(ZoneItems.most(store, batch), unit));
    workers.run(batch.rows() * heads, head -> {
      int keys = ZoneItems.keys(store, batch, head / heads);
      int items = PageBounds.pages(keys, unit);
      int count = Math.min(most.applyAsInt(ZoneItems.slot(batch, head / heads)), items);
      long out = selection.positions().address() + 4L * head * selection.capacity();
      if (count > 0) {
        VectorTopK.select(ZoneItems.address(scores, head), 0, items, count, out);
        count = unit == 1 ? count : expand(out, count, unit, keys);
      }
      Raw.ALL.set(ValueLayout.JAVA_INT, selection.counts().address() + 4L * head, count);
    });
  }

  /** Replaces ascending items by their keys, the last first: they move up. Returns how many keys there are. */
  private static int expand(long out, int items, int unit, int keys) {
    int last = Raw.getInt(out + 4L * (items - 1));
    for (int i = items - 1; i >= 0; i--) {
      int item = Raw.getInt(out + 4L * i);
      for (int j = unit - 1; j >= 0; j--) {
        Raw.ALL.set(ValueLayout.JAVA_INT_UNALIGNED, out + 4L * (i * unit + j), item * unit + j);
      }
    }
    return items * unit - Math.max(0, (last + 1) * unit - keys);
  }
}

package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.PageBounds;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.PageScores;

/** {@link PageScores} on vectors and all cores: a task reads some pages of one KV head, each once for all queries. */
final class VectorPageScores implements PageScores {
  /** Pages of a task, some tens of microseconds. */
  private static final int RANGE = 128;

  private final Workers workers;

  VectorPageScores(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void score(KvStore kv, int layer, Batch batch, Buffer q, ZoneTable bounds,
      Grouping grouping, Buffer scores) {
    PageBounds.require(kv, bounds);
    HostZoneTable table = HostZoneTable.of(bounds);
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    int kvHeads = shape.kvHeads();
    int size = bounds.tokensPerRow();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    ScoredHeads heads = ScoredHeads.of(shape, batch.rows(), q, Grouping.PER_HEAD);
    int most = PageBounds.pages(ZoneItems.most(store, batch), size);
    scores.requireAtLeast("page scores", DType.F32, batch.rows(),
        grouping == Grouping.MEAN ? kvHeads : shape.heads(), most);
    int ranges = Math.ceilDiv(most, RANGE);
    workers.run(batch.rows() * kvHeads * ranges, task -> {
      int pair = task / ranges; // KV head of all rows' KV heads
      int slot = ZoneItems.slot(batch, pair / kvHeads);
      int first = task % ranges * RANGE;
      int end = Math.min(first + RANGE,
          PageBounds.pages(ZoneItems.keys(store, batch, pair / kvHeads), size));
      float[] least = heads.newRow();
      float[] largest = heads.newRow();
      float[] sums = ScoredHeads.newSums();
      for (int page = first; page < end; page++) {
        long row = table.row(layer, slot, pair % kvHeads, page).address();
        Floats.read(table.dtype(), row, least, 0, shape.headDim());
        Floats.read(table.dtype(), row + (long) shape.headDim() * table.dtype().bytes(), largest, 0,
            shape.headDim());
        float sum = 0;
        for (int head = 0; head < heads.perKvHead(); head++) {
          int number = pair * heads.perKvHead() + head;
          float bound = heads.bound(number, least, largest, sums);
          sum = head == 0 ? bound : sum + bound;
          if (grouping == Grouping.PER_HEAD) {
            ZoneItems.set(scores, number, page, bound);
          }
        }
        if (grouping == Grouping.MEAN) {
          ZoneItems.set(scores, pair, page, sum);
        }
      }
    });
  }
}

package io.pariskv.backend.scalar;

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

/** {@link PageScores}, page by page. */
final class ScalarPageScores implements PageScores {
  @Override
  public void score(KvStore kv, int layer, Batch batch, Buffer q, ZoneTable bounds,
      Grouping grouping, Buffer scores) {
    PageBounds.require(kv, bounds);
    HostZoneTable table = HostZoneTable.of(bounds);
    KvShape shape = kv.shape();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    float[] queries = Elements.floats(q.segment(), DType.F32);
    int heads = grouping == Grouping.MEAN ? shape.kvHeads() : shape.heads();
    int added = shape.heads() / heads; // query heads whose bounds make one score
    for (int head = 0; head < batch.rows() * heads; head++) {
      int slot = Elements.getInt(batch.slots(), head / heads);
      int kvHead = head % heads / (heads / shape.kvHeads());
      int pages = PageBounds.pages(HostKvStore.of(kv).zones(slot).retrievalTokens(),
          bounds.tokensPerRow());
      scores.requireAtLeast("page scores", DType.F32, batch.rows(), heads, pages);
      for (int page = 0; page < pages; page++) {
        float[] row = Elements.floats(table.row(layer, slot, kvHead, page), table.dtype());
        float score = bound(queries, head * added, row);
        for (int i = 1; i < added; i++) {
          score += bound(queries, head * added + i, row);
        }
        Elements.setFloat(scores, head * scores.shape().axis(2) + page, score);
      }
    }
  }

  /** What no key of the page can score above. */
  private static float bound(float[] queries, int head, float[] row) {
    int headDim = row.length / 2;
    float[] best = new float[headDim];
    for (int i = 0; i < headDim; i++) {
      best[i] = queries[head * headDim + i] >= 0 ? row[headDim + i] : row[i];
    }
    return Dot.of(queries, head * headDim, best);
  }
}

package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.KeyScores;
import java.util.stream.IntStream;

/** {@link KeyScores}, key by key. */
final class ScalarKeyScores implements KeyScores {
  @Override
  public void score(KvStore kv, int layer, Batch batch, Buffer q, Grouping grouping,
      Buffer scores) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    float[] queries = Dot.queries(shape, Elements.floats(q.segment(), DType.F32), grouping);
    int heads = grouping == Grouping.MEAN ? shape.kvHeads() : shape.heads();
    for (int row = 0; row < batch.rows(); row++) {
      int keys = store.zones(Elements.getInt(batch.slots(), row)).retrievalTokens();
      scores.requireAtLeast("scores", DType.F32, batch.rows(), heads, keys);
    }
    IntStream.range(0, batch.rows() * heads).parallel().forEach(head -> {
      int slot = Elements.getInt(batch.slots(), head / heads);
      int kvHead = head % heads / (heads / shape.kvHeads());
      TokenZones zones = store.zones(slot);
      TokenSlabs keys = store.keys(layer, slot);
      for (int key = 0; key < zones.retrievalTokens(); key++) {
        float[] k = Elements.floats(keys.row(kvHead, zones.sinkEnd() + key), keys.dtype());
        Elements.setFloat(scores, head * scores.shape().axis(2) + key,
            Dot.of(queries, head * shape.headDim(), k));
      }
    });
  }
}

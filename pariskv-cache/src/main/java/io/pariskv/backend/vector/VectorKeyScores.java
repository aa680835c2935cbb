package io.pariskv.backend.vector;

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

/** {@link KeyScores} on vectors and all cores: a task reads some keys of one KV head, each once for all queries. */
final class VectorKeyScores implements KeyScores {
  /** Keys of a task, some tens of microseconds. */
  private static final int RANGE = 512;

  private final Workers workers;

  VectorKeyScores(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void score(KvStore kv, int layer, Batch batch, Buffer q, Grouping grouping,
      Buffer scores) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    int kvHeads = shape.kvHeads();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    ScoredHeads heads = ScoredHeads.of(shape, batch.rows(), q, grouping);
    int most = ZoneItems.most(store, batch);
    scores.requireAtLeast("scores", DType.F32, batch.rows(), (long) kvHeads * heads.perKvHead(),
        most);
    int ranges = Math.ceilDiv(most, RANGE);
    workers.run(batch.rows() * kvHeads * ranges, task -> {
      int pair = task / ranges; // KV head of all rows' KV heads
      int slot = ZoneItems.slot(batch, pair / kvHeads);
      TokenZones zones = store.zones(slot);
      int first = task % ranges * RANGE;
      int end = Math.min(first + RANGE, zones.retrievalTokens());
      TokenSlabs keys = store.keys(layer, slot);
      float[] key = heads.newRow();
      float[] sums = ScoredHeads.newSums();
      for (int i = first; i < end; i++) {
        Floats.read(keys.dtype(), keys.address(pair % kvHeads, zones.sinkEnd() + i), key, 0,
            shape.headDim());
        for (int head = 0; head < heads.perKvHead(); head++) {
          int number = pair * heads.perKvHead() + head;
          ZoneItems.set(scores, number, i, heads.dot(number, key, sums));
        }
      }
    });
  }
}

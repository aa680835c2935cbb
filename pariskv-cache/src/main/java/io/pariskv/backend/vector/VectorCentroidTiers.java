package io.pariskv.backend.vector;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CentroidTiers;
import java.lang.foreign.ValueLayout;

/** {@link CentroidTiers} without a sort; see {@link CentroidRanking}. */
final class VectorCentroidTiers implements CentroidTiers {
  /** Subspaces of one task, less than a microsecond each. */
  private static final int SUBSPACES = 4;

  private final Workers workers;
  private final ThreadLocal<CentroidRanking> rankings = ThreadLocal
      .withInitial(CentroidRanking::new);

  VectorCentroidTiers(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void rank(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer tiers) {
    ZoneRows rows = ZoneRows.of(index, batch);
    KvShape shape = index.shape();
    int kvHeads = shape.kvHeads();
    int subspaces = index.subspaces();
    int groups = Math.ceilDiv(subspaces, SUBSPACES);
    blocks.require("query blocks", DType.F32, batch.rows(), kvHeads, shape.headDim());
    tiers.require("tiers", DType.U8, batch.rows(), kvHeads, subspaces, SignCentroids.COUNT);
    long blocksAt = blocks.segment().address();
    long tiersAt = tiers.segment().address();
    workers.run(rows.heads() * groups, task -> {
      int head = task / groups;
      int slot = rows.slot(head / kvHeads);
      if (rows.keys(head / kvHeads) == 0) {
        return; // no populations, and nobody reads these tiers
      }
      long populations = rows.index().populations(layer, slot).segment().address();
      CentroidRanking ranking = rankings.get();
      ranking.setLimits(rows.index(), slot);
      int from = task % groups * SUBSPACES;
      for (int b = from; b < Math.min(from + SUBSPACES, subspaces); b++) {
        long block = (long) head * subspaces + b;
        long population = (long) (head % kvHeads) * subspaces + b;
        ranking.rank(blocksAt + block * SignCentroids.SUBSPACE_DIM * Float.BYTES,
            populations + population * SignCentroids.COUNT * ValueLayout.JAVA_INT.byteSize(),
            tiersAt + block * SignCentroids.COUNT);
      }
    });
  }
}

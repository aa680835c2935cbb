package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CentroidTiers;

/** {@link CentroidTiers} by sorting all 256 centroids. */
final class ScalarCentroidTiers implements CentroidTiers {
  private static final int TIERS = 6;

  @Override
  public void rank(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer tiers) {
    HostKeyIndex keys = HostKeyIndex.of(index);
    KvShape shape = index.shape();
    int subspaces = index.subspaces();
    blocks.require("query blocks", DType.F32, batch.rows(), shape.kvHeads(), shape.headDim());
    tiers.require("tiers", DType.U8, batch.rows(), shape.kvHeads(), subspaces,
        SignCentroids.COUNT);
    float[] p = Elements.floats(blocks.segment(), DType.F32);
    int perRow = shape.kvHeads() * subspaces;
    for (int block = 0; block < batch.rows() * perRow; block++) {
      int slot = Elements.getInt(batch.slots(), block / perRow);
      if (keys.budget(slot, 0) == 0) {
        continue; // no keys, no populations; nobody reads these tiers
      }
      int[] order = Order.descending(scores(p, block));
      int before = 0;
      for (int centroid : order) {
        int weight = weight(keys, slot, before);
        Elements.setByte(tiers.segment(), (long) block * SignCentroids.COUNT + centroid, weight);
        before += Elements.getInt(keys.populations(layer, slot),
            (long) (block % perRow) * SignCentroids.COUNT + centroid);
      }
    }
  }

  private static float[] scores(float[] p, int block) {
    float[] halves = new float[32];
    SignCentroids.halfScores(p, block * SignCentroids.SUBSPACE_DIM, halves);
    float[] scores = new float[SignCentroids.COUNT];
    for (int centroid = 0; centroid < scores.length; centroid++) {
      scores[centroid] = SignCentroids.score(halves, centroid);
    }
    return scores;
  }

  /** The weight of a centroid with {@code before} keys in better ones. */
  private static int weight(HostKeyIndex keys, int slot, int before) {
    for (int tier = 0; tier < TIERS; tier++) {
      if (before < keys.budget(slot, 3 + tier)) {
        return TIERS - tier;
      }
    }
    return 0;
  }
}

package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.HashIndex;
import io.pariskv.index.KeyMean;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;

/** {@link KeyMean} on all cores: a task adds up one part of a KV head; the compiler makes vectors of it. */
final class VectorKeyMean implements KeyMean {
  private final Workers workers;

  VectorKeyMean(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void find(KvStore kv, int layer, int slot, TokenZones zones, HashIndex index) {
    index.require(kv.shape());
    KeyMean.requireKeys(zones);
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    int kvHeads = keys.outer();
    int parts = Math.ceilDiv(zones.retrievalTokens(), PART);
    double[][] sums = new double[parts * kvHeads][];
    workers.run(sums.length,
        task -> sums[task] = sum(keys, task % kvHeads, zones, task / kvHeads * PART));
    for (int kvHead = 0; kvHead < kvHeads; kvHead++) {
      double[] total = sums[kvHead];
      for (int part = 1; part < parts; part++) {
        add(sums[part * kvHeads + kvHead], total);
      }
      float[] mean = new float[keys.width()];
      for (int i = 0; i < mean.length; i++) {
        mean[i] = (float) (total[i] / zones.retrievalTokens());
      }
      HostZoneTable.of(index.means()).row(layer, slot, kvHead, 0)
          .copyFrom(MemorySegment.ofArray(mean));
    }
  }

  private static double[] sum(TokenSlabs keys, int kvHead, TokenZones zones, int first) {
    double[][] sums = new double[PARTIAL_SUMS][keys.width()];
    float[] row = new float[keys.width()];
    for (int key = first; key < Math.min(first + PART, zones.retrievalTokens()); key++) {
      Floats.read(keys.dtype(), keys.address(kvHead, zones.sinkEnd() + key), row, 0, row.length);
      double[] sum = sums[key % PARTIAL_SUMS];
      for (int i = 0; i < row.length; i++) {
        sum[i] += row[i];
      }
    }
    for (int half = PARTIAL_SUMS / 2; half > 0; half /= 2) {
      for (int p = 0; p < half; p++) {
        add(sums[p + half], sums[p]);
      }
    }
    return sums[0];
  }

  private static void add(double[] more, double[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += more[i];
    }
  }
}

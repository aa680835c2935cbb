package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.HashIndex;
import io.pariskv.index.KeyMean;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;

/** {@link KeyMean}, key by key. */
final class ScalarKeyMean implements KeyMean {
  @Override
  public void find(KvStore kv, int layer, int slot, TokenZones zones, HashIndex index) {
    index.require(kv.shape());
    KeyMean.requireKeys(zones);
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    for (int kvHead = 0; kvHead < keys.outer(); kvHead++) {
      double[] total = sum(keys, kvHead, zones, 0);
      for (int first = PART; first < zones.retrievalTokens(); first += PART) {
        add(sum(keys, kvHead, zones, first), total);
      }
      float[] mean = new float[total.length];
      for (int i = 0; i < mean.length; i++) {
        mean[i] = (float) (total[i] / zones.retrievalTokens());
      }
      HostZoneTable.of(index.means()).row(layer, slot, kvHead, 0)
          .copyFrom(MemorySegment.ofArray(mean));
    }
  }

  /** The sum of the keys of one part. */
  private static double[] sum(TokenSlabs keys, int kvHead, TokenZones zones, int first) {
    double[][] sums = new double[PARTIAL_SUMS][keys.width()];
    for (int key = first; key < Math.min(first + PART, zones.retrievalTokens()); key++) {
      float[] row = Elements.floats(keys.row(kvHead, zones.sinkEnd() + key), keys.dtype());
      for (int i = 0; i < row.length; i++) {
        sums[key % PARTIAL_SUMS][i] += row[i];
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

package io.pariskv.backend.host;

import io.pariskv.index.HashIndex;
import io.pariskv.index.KeyMean;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;

/** {@link KeyMean} of keys in host memory: all but how the keys of a part are added up. */
public abstract class HostKeyMean implements KeyMean {

  @Override
  public final void find(KvStore kv, int layer, int slot, TokenZones zones, HashIndex index) {
    index.require(kv.shape());
    KeyMean.requireKeys(zones);
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    double[][] sums = sums(keys, zones, Math.ceilDiv(zones.retrievalTokens(), PART));
    for (int kvHead = 0; kvHead < keys.outer(); kvHead++) {
      double[] total = sums[kvHead];
      for (int next = kvHead + keys.outer(); next < sums.length; next += keys.outer()) {
        PartialSums.add(sums[next], total);
      }
      float[] mean = new float[total.length];
      for (int i = 0; i < mean.length; i++) {
        mean[i] = (float) (total[i] / zones.retrievalTokens());
      }
      HostZoneTable.of(index.means()).row(layer, slot, kvHead, 0)
          .copyFrom(MemorySegment.ofArray(mean));
    }
  }

  /** {@code [parts][kvHeads][headDim]}, the sums of the parts, the two outer axes as one. */
  protected abstract double[][] sums(TokenSlabs keys, TokenZones zones, int parts);
}

package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyMean;
import io.pariskv.backend.host.PartialSums;
import io.pariskv.index.KeyMean;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.TokenSlabs;

/** {@link KeyMean}, key by key. */
final class ScalarKeyMean extends HostKeyMean {

  @Override
  protected double[][] sums(TokenSlabs keys, TokenZones zones, int parts) {
    double[][] sums = new double[parts * keys.outer()][];
    for (int part = 0; part < parts; part++) {
      for (int kvHead = 0; kvHead < keys.outer(); kvHead++) {
        sums[part * keys.outer() + kvHead] = sum(keys, kvHead, zones, part * PART);
      }
    }
    return sums;
  }

  private static double[] sum(TokenSlabs keys, int kvHead, TokenZones zones, int first) {
    double[][] sums = new double[PARTIAL_SUMS][keys.width()];
    for (int key = first; key < Math.min(first + PART, zones.retrievalTokens()); key++) {
      float[] row = Elements.floats(keys.row(kvHead, zones.sinkEnd() + key), keys.dtype());
      for (int i = 0; i < row.length; i++) {
        sums[key % PARTIAL_SUMS][i] += row[i];
      }
    }
    return PartialSums.total(sums);
  }
}

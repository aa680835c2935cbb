package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKeyMean;
import io.pariskv.backend.host.PartialSums;
import io.pariskv.index.KeyMean;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.TokenSlabs;

/** {@link KeyMean} on all cores: a task adds up one part of a KV head; the compiler makes vectors of it. */
final class VectorKeyMean extends HostKeyMean {
  private final Workers workers;

  VectorKeyMean(Workers workers) {
    this.workers = workers;
  }

  @Override
  protected double[][] sums(TokenSlabs keys, TokenZones zones, int parts) {
    int kvHeads = keys.outer();
    double[][] sums = new double[parts * kvHeads][];
    workers.run(sums.length,
        task -> sums[task] = sum(keys, task % kvHeads, zones, task / kvHeads * PART));
    return sums;
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
    return PartialSums.total(sums);
  }
}

package io.pariskv.backend.host;

import io.pariskv.index.Coarse;
import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.CentroidScores;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link KeyCentre} of both CPU backends: a thousand keys, each time that a zone has doubled. */
public final class HostKeyCentre implements KeyCentre {
  @Override
  public void find(KvStore kv, int layer, int slot, int from, int keys, KeyIndex index) {
    index.require(Coarse.SCORES);
    KeyCentre.requireKeys(keys);
    TokenSlabs rows = HostKvStore.of(kv).keys(layer, slot);
    int headDim = index.shape().headDim();
    int samples = Math.min(keys, SAMPLES);
    for (int kvHead = 0; kvHead < index.shape().kvHeads(); kvHead++) {
      double[][] sums = new double[PARTIAL_SUMS][headDim];
      double[][] squares = new double[PARTIAL_SUMS][headDim];
      for (int i = 0; i < samples; i++) {
        MemorySegment row = rows.row(kvHead, from + KeyCentre.sample(i, keys));
        for (int j = 0; j < headDim; j++) {
          double k = number(row, rows.dtype(), j);
          sums[i % PARTIAL_SUMS][j] += k;
          squares[i % PARTIAL_SUMS][j] += k * k;
        }
      }
      double[] sum = PartialSums.total(sums);
      double[] square = PartialSums.total(squares);
      MemorySegment centre = index.centres(layer, slot).segment();
      double spread2 = 0;
      for (int j = 0; j < headDim; j++) {
        float mean = (float) (sum[j] / samples);
        spread2 += square[j] / samples;
        spread2 -= (double) mean * mean;
        centre.setAtIndex(ValueLayout.JAVA_FLOAT, (long) kvHead * headDim + j, mean);
      }
      index.floors(layer, slot).segment().setAtIndex(ValueLayout.JAVA_INT, kvHead,
          floor(index.subspaces(), spread2));
    }
  }

  private static double number(MemorySegment row, DType dtype, int j) {
    return dtype == DType.F32
        ? row.getAtIndex(ValueLayout.JAVA_FLOAT, j)
        : Bf16.toFloat(row.getAtIndex(ValueLayout.JAVA_SHORT, j));
  }

  private static int floor(int subspaces, double spread2) {
    if (!(spread2 > 0)) {
      return 0; // equal keys, or a NaN
    }
    float most = (float) (CentroidScores.LEVELS * subspaces * Math.sqrt(spread2));
    return Math.max(0, Float.floatToRawIntBits(most) - (7 << 23));
  }
}

package io.pariskv.backend.host;

import io.pariskv.index.Coarse;
import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link KeyCentre} of both CPU backends: once a sequence and layer, over a thousand keys. */
public final class HostKeyCentre implements KeyCentre {
  private static final double LARGEST = 0x1p40;
  private static final double UNIT = 0x1p16;

  @Override
  public void find(KvStore kv, int layer, int slot, int from, int to, KeyIndex index) {
    index.require(Coarse.SCORES);
    if (to <= from || to - from > KEYS) {
      throw new IllegalArgumentException(
          "a centre is found from 1 to " + KEYS + " keys, not " + (to - from));
    }
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    int headDim = index.shape().headDim();
    for (int kvHead = 0; kvHead < index.shape().kvHeads(); kvHead++) {
      long[] sums = new long[headDim];
      long[] squares = new long[headDim];
      for (int position = from; position < to; position++) {
        MemorySegment row = keys.row(kvHead, position);
        for (int j = 0; j < headDim; j++) {
          float k = keys.dtype() == DType.F32
              ? row.getAtIndex(ValueLayout.JAVA_FLOAT, j)
              : Bf16.toFloat(row.getAtIndex(ValueLayout.JAVA_SHORT, j));
          sums[j] += whole(k);
          squares[j] += whole(k * k);
        }
      }
      MemorySegment centre = index.centres(layer, slot).segment();
      double spread = 0;
      for (int j = 0; j < headDim; j++) {
        float mean = (float) (sums[j] / ((to - from) * UNIT));
        spread += squares[j] / ((to - from) * UNIT);
        spread -= (double) mean * mean;
        centre.setAtIndex(ValueLayout.JAVA_FLOAT, (long) kvHead * headDim + j, mean);
      }
      index.floors(layer, slot).segment().setAtIndex(ValueLayout.JAVA_INT, kvHead,
          floor(index.subspaces(), spread));
    }
  }

  private static long whole(float x) {
    return (long) Math.rint(Math.clamp(x, -LARGEST, LARGEST) * UNIT);
  }

  private static int floor(int subspaces, double spread) {
    float most = (float) (127 * subspaces * Math.sqrt(Math.max(0, spread)));
    return Math.max(0, Float.floatToRawIntBits(most) - (7 << 23));
  }
}

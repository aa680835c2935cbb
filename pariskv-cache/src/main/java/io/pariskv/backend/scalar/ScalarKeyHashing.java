package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.HashIndex;
import io.pariskv.index.KeyHashing;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link KeyHashing}, key by key. */
final class ScalarKeyHashing implements KeyHashing {
  @Override
  public void encode(KvStore kv, int layer, int slot, int from, TokenZones zones,
      HashIndex index) {
    index.require(kv.shape());
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    float[] planes = Elements.floats(index.planes().segment(), DType.F32);
    int end = Math.ceilDiv(zones.retrievalTokens(), Integer.SIZE) * Integer.SIZE;
    for (int kvHead = 0; kvHead < keys.outer(); kvHead++) {
      float[] mean = Elements.floats(HostZoneTable.of(index.means()).row(layer, slot, kvHead, 0),
          DType.F32);
      for (int key = KeyHashing.first(from, zones); key < end; key++) {
        boolean[] bits = new boolean[index.hash().planes()]; // of a key that is not there
        if (key < zones.retrievalTokens()) {
          float[] row = Elements.floats(keys.row(kvHead, zones.sinkEnd() + key), keys.dtype());
          for (int i = 0; i < row.length; i++) {
            row[i] -= mean[i];
          }
          bits = bits(row, 0, row.length, planes, bits.length);
        }
        MemorySegment words = HostZoneTable.of(index.signatures()).row(layer, slot, kvHead,
            key / TokenSlabs.SLAB_TOKENS);
        for (int plane = 0; plane < bits.length; plane++) {
          set(words, plane, key % TokenSlabs.SLAB_TOKENS, bits[plane]);
        }
      }
    }
  }

  /** On which side of every plane {@code x} is. */
  static boolean[] bits(float[] x, int from, int headDim, float[] planes, int count) {
    int stride = planes.length / headDim;
    boolean[] bits = new boolean[count];
    for (int plane = 0; plane < count; plane++) {
      float sum = 0;
      for (int i = 0; i < headDim; i++) {
        sum = Math.fma(x[from + i], planes[i * stride + plane], sum);
      }
      bits[plane] = sum > 0;
    }
    return bits;
  }

  private static void set(MemorySegment words, int plane, int key, boolean bit) {
    long word = (long) plane * HashIndex.WORDS + key / Integer.SIZE;
    int mask = 1 << key % Integer.SIZE;
    int old = words.getAtIndex(ValueLayout.JAVA_INT, word);
    words.setAtIndex(ValueLayout.JAVA_INT, word, bit ? old | mask : old & ~mask);
  }

  /** The bit of a plane of key {@code key} of a row. */
  static boolean get(MemorySegment words, int plane, int key) {
    long word = (long) plane * HashIndex.WORDS + key / Integer.SIZE;
    return (words.getAtIndex(ValueLayout.JAVA_INT, word) >>> key % Integer.SIZE & 1) == 1;
  }
}

package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.PageBounds;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** {@link PageBounds}, key by key. */
final class ScalarPageBounds implements PageBounds {
  @Override
  public void update(KvStore kv, int layer, int slot, TokenZones zones, int firstPage,
      ZoneTable bounds) {
    PageBounds.require(kv, bounds);
    HostZoneTable table = HostZoneTable.of(bounds);
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    int size = bounds.tokensPerRow();
    int headDim = kv.shape().headDim();
    for (int page = firstPage; page < PageBounds.pages(zones.retrievalTokens(), size); page++) {
      int first = zones.sinkEnd() + page * size;
      int end = Math.min(first + size, zones.recentStart());
      for (int kvHead = 0; kvHead < kv.shape().kvHeads(); kvHead++) {
        float[] least = new float[headDim];
        float[] most = new float[headDim];
        Arrays.fill(least, Float.POSITIVE_INFINITY);
        Arrays.fill(most, Float.NEGATIVE_INFINITY);
        for (int position = first; position < end; position++) {
          float[] key = Elements.floats(keys.row(kvHead, position), keys.dtype());
          for (int i = 0; i < headDim; i++) {
            least[i] = key[i] < least[i] ? key[i] : least[i];
            most[i] = key[i] > most[i] ? key[i] : most[i];
          }
        }
        MemorySegment row = table.row(layer, slot, kvHead, page);
        write(row, keys.dtype(), 0, least);
        write(row, keys.dtype(), headDim, most);
      }
    }
  }

  /** Numbers that came from such memory, so none is rounded. */
  private static void write(MemorySegment row, DType dtype, int at, float[] values) {
    for (int i = 0; i < values.length; i++) {
      if (dtype == DType.BF16) {
        row.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, at + i, Bf16.fromFloat(values[i]));
      } else {
        row.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, at + i, values[i]);
      }
    }
  }
}

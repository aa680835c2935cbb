package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.PageBounds;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** {@link PageBounds} on vectors and all cores, a task a page. */
final class VectorPageBounds implements PageBounds {
  private static final int LANES = Species.FLOATS.length();

  private final Workers workers;

  VectorPageBounds(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void update(KvStore kv, int layer, int slot, TokenZones zones, int firstPage,
      ZoneTable bounds) {
    PageBounds.require(kv, bounds);
    HostZoneTable table = HostZoneTable.of(bounds);
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    int size = bounds.tokensPerRow();
    int kvHeads = kv.shape().kvHeads();
    int pages = PageBounds.pages(zones.retrievalTokens(), size) - firstPage;
    workers.run(Math.max(pages, 0) * kvHeads, task -> {
      int page = firstPage + task / kvHeads;
      int first = zones.sinkEnd() + page * size;
      find(keys, task % kvHeads, first, Math.min(first + size, zones.recentStart()),
          table.row(layer, slot, task % kvHeads, page));
    });
  }

  private static void find(TokenSlabs keys, int kvHead, int first, int end, MemorySegment row) {
    int headDim = keys.width();
    float[] key = new float[Floats.padded(headDim)];
    float[] least = new float[key.length];
    float[] most = new float[key.length];
    Arrays.fill(least, Float.POSITIVE_INFINITY);
    Arrays.fill(most, Float.NEGATIVE_INFINITY);
    for (int position = first; position < end; position++) {
      Floats.read(keys.dtype(), keys.address(kvHead, position), key, 0, headDim);
      for (int i = 0; i < key.length; i += LANES) {
        FloatVector k = FloatVector.fromArray(Species.FLOATS, key, i);
        FloatVector low = FloatVector.fromArray(Species.FLOATS, least, i);
        FloatVector high = FloatVector.fromArray(Species.FLOATS, most, i);
        low.blend(k, k.compare(LT, low)).intoArray(least, i);
        high.blend(k, k.compare(GT, high)).intoArray(most, i);
      }
    }
    write(row, keys.dtype(), 0, least, headDim);
    write(row, keys.dtype(), headDim, most, headDim);
  }

  /** Numbers that came from such memory: the lower half of a float that was bf16 is zero. */
  private static void write(MemorySegment row, DType dtype, int at, float[] values, int count) {
    for (int i = 0; i < count; i++) {
      if (dtype == DType.BF16) {
        row.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, at + i,
            (short) (Float.floatToRawIntBits(values[i]) >>> 16));
      } else {
        row.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, at + i, values[i]);
      }
    }
  }
}

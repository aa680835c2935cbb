package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.KeyCoding;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/** {@link KeyCoding} on vectors and all cores: a task has some keys of one KV head. */
final class VectorKeyCoding implements KeyCoding {
  /** Keys of a task, a millisecond or so. */
  private static final int RANGE = 256;

  private final Workers workers;

  VectorKeyCoding(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void encode(KvStore kv, int layer, int slot, int from, TokenZones zones,
      ProductQuantizer quantizer, ZoneTable codebooks, ZoneTable codes) {
    KvShape shape = kv.shape();
    quantizer.requireCodebooks(shape, codebooks);
    quantizer.requireCodes(shape, codes);
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    CentroidTable[] centroids = IntStream.range(0, shape.kvHeads())
        .mapToObj(kvHead -> CentroidTable.read(quantizer, shape.headDim(),
            HostZoneTable.of(codebooks).row(layer, slot, kvHead, 0).address()))
        .toArray(CentroidTable[]::new);
    int ranges = Math.max(0, Math.ceilDiv(zones.recentStart() - from, RANGE));
    workers.run(ranges * shape.kvHeads(), task -> {
      int kvHead = task % shape.kvHeads();
      int first = from + task / shape.kvHeads() * RANGE;
      float[] key = new float[shape.headDim()];
      CentroidTable table = centroids[kvHead];
      CentroidTable.Scratch scratch = new CentroidTable.Scratch();
      for (int i = first; i < Math.min(first + RANGE, zones.recentStart()); i++) {
        Floats.read(keys.dtype(), keys.address(kvHead, i), key, 0, key.length);
        MemorySegment row = HostZoneTable.of(codes).row(layer, slot, kvHead, i - zones.sinkEnd());
        for (int j = 0; j < quantizer.subvectors(); j++) {
          int code = table.nearest(j, key, j * table.width(), scratch);
          row.set(ValueLayout.JAVA_BYTE, j, (byte) code);
        }
      }
    });
  }
}

package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.KeyCoding;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.TokenSlabs;

/** {@link KeyCoding}, key by key. */
final class ScalarKeyCoding implements KeyCoding {
  @Override
  public void encode(KvStore kv, int layer, int slot, int from, TokenZones zones,
      ProductQuantizer quantizer, ZoneTable codebooks, ZoneTable codes) {
    KvShape shape = kv.shape();
    quantizer.requireCodebooks(shape, codebooks);
    quantizer.requireCodes(shape, codes);
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    for (int kvHead = 0; kvHead < shape.kvHeads(); kvHead++) {
      Centroids centroids = Centroids.read(quantizer, shape.headDim(),
          HostZoneTable.of(codebooks).row(layer, slot, kvHead, 0));
      for (int position = from; position < zones.recentStart(); position++) {
        float[] key = Elements.floats(keys.row(kvHead, position), keys.dtype());
        for (int j = 0; j < quantizer.subvectors(); j++) {
          Elements.setByte(
              HostZoneTable.of(codes).row(layer, slot, kvHead, position - zones.sinkEnd()), j,
              centroids.nearest(j, key));
        }
      }
    }
  }
}

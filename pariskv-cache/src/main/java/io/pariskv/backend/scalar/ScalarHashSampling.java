package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.HashSampling;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;

/** {@link HashSampling}, key by key and table by table. */
final class ScalarHashSampling implements HashSampling {
  @Override
  public void sample(KvStore kv, int layer, Batch batch, Buffer q, HashIndex index,
      Selection sampled, Buffer logWeights) {
    KvShape shape = kv.shape();
    int heads = shape.heads();
    int capacity = sampled.capacity();
    index.require(shape);
    q.require("queries", DType.F32, batch.rows(), heads, shape.headDim());
    sampled.counts().require("sampled counts", DType.I32, batch.rows(), heads);
    logWeights.require("log-weights", DType.F32, batch.rows(), heads, capacity);
    HostKvStore store = HostKvStore.of(kv);
    for (int row = 0; row < batch.rows(); row++) {
      int keys = store.zones(Elements.getInt(batch.slots(), row)).retrievalTokens();
      sampled.positions().requireAtLeast("sampled positions", DType.I32, batch.rows(), heads, keys);
    }
    float[] queries = Elements.floats(q.segment(), DType.F32);
    float[] planes = Elements.floats(index.planes().segment(), DType.F32);
    float[] weights = Elements.floats(index.logWeights().segment(), DType.F32);
    IntStream.range(0, batch.rows() * heads).parallel().forEach(head -> {
      int slot = Elements.getInt(batch.slots(), head / heads);
      int kvHead = head % heads / shape.groupSize();
      TokenZones zones = store.zones(slot);
      TokenSlabs keys = store.keys(layer, slot);
      int at = head * shape.headDim();
      boolean[] bits = ScalarKeyHashing.bits(queries, at, shape.headDim(), planes,
          index.hash().planes());
      int count = 0;
      for (int key = 0; key < zones.retrievalTokens(); key++) {
        MemorySegment words = HostZoneTable.of(index.signatures()).row(layer, slot, kvHead,
            key / TokenSlabs.SLAB_TOKENS);
        if (collisions(index.hash(), bits, words,
            key % TokenSlabs.SLAB_TOKENS) >= SimHash.COLLISIONS) {
          float[] mean = Elements.floats(
              HostZoneTable.of(index.means()).row(layer, slot, kvHead, 0), DType.F32);
          float[] k = Elements.floats(keys.row(kvHead, zones.sinkEnd() + key), keys.dtype());
          for (int i = 0; i < k.length; i++) {
            k[i] -= mean[i];
          }
          float[] own = Arrays.copyOfRange(queries, at, at + k.length);
          Elements.setInt(sampled.positions(), (long) head * capacity + count, key);
          Elements.setFloat(logWeights, (long) head * capacity + count++, SimHash.logWeight(weights,
              Dot.of(own, 0, k), Dot.of(own, 0, own), Dot.of(k, 0, k)));
        }
      }
      Elements.setInt(sampled.counts(), head, count);
    });
  }

  /** Tables in which all bits of key {@code key} of a row are the query's. */
  private static int collisions(SimHash hash, boolean[] query, MemorySegment words, int key) {
    int collisions = 0;
    for (int table = 0; table < hash.tables(); table++) {
      boolean same = true;
      for (int plane = table * hash.bits(); plane < (table + 1) * hash.bits() && same; plane++) {
        same = query[plane] == ScalarKeyHashing.get(words, plane, key);
      }
      collisions += same ? 1 : 0;
    }
    return collisions;
  }
}

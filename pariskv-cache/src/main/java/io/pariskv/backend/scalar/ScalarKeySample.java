package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.index.KeySample;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;

/** {@link KeySample}, key by key. */
final class ScalarKeySample implements KeySample {
  @Override
  public void gather(KvStore kv, int layer, int slot, int kvHead, Buffer positions, Buffer rows) {
    long n = positions.shape().elements();
    positions.require("positions", DType.I32, n);
    rows.require("rows", kv.shape().dtype(), n, kv.shape().headDim());
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    long bytes = (long) kv.shape().headDim() * keys.dtype().bytes();
    for (long i = 0; i < n; i++) {
      MemorySegment key = keys.row(kvHead, Elements.getInt(positions, i));
      rows.segment().asSlice(i * bytes, bytes).copyFrom(key);
    }
  }
}

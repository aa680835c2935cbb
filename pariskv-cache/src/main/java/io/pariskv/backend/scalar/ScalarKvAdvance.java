package io.pariskv.backend.scalar;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvAdvance;
import io.pariskv.kv.KvStore;

/** {@link KvAdvance} in plain Java. */
final class ScalarKvAdvance implements KvAdvance {
  @Override
  public void advance(KvStore kv, Batch batch) {
    for (int r = 0; r < batch.rows(); r++) {
      int slot = Elements.getInt(batch.slots(), r);
      long length = (long) slot * KvStore.ZONE_FIELDS + 2;
      int position = Elements.getInt(kv.zones(), length);
      Elements.setInt(batch.positions(), r, position);
      Elements.setInt(kv.zones(), length, position + 1);
    }
  }
}

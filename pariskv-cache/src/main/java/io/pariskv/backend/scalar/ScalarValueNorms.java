package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.ValueNorms;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.ValueLayout;

/** {@link ValueNorms} in the order that the contract fixes. */
final class ScalarValueNorms implements ValueNorms {
  @Override
  public void update(KvStore kv, int layer, int slot, int from, TokenZones zones,
      ZoneTable norms) {
    ValueNorms.require(kv, norms);
    HostZoneTable table = HostZoneTable.of(norms);
    TokenSlabs values = HostKvStore.of(kv).values(layer, slot);
    for (int kvHead = 0; kvHead < kv.shape().kvHeads(); kvHead++) {
      for (int position = from; position < zones.recentStart(); position++) {
        float norm = norm(Elements.floats(values.row(kvHead, position), values.dtype()));
        table.row(layer, slot, kvHead, position - zones.sinkEnd()).set(ValueLayout.JAVA_SHORT, 0,
            Bf16.fromFloat(norm));
      }
    }
  }

  private static float norm(float[] x) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= x[i];
    }
    for (int half = x.length / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        x[i] += x[i + half];
      }
    }
    float norm = (float) Math.sqrt(x[0]);
    return norm <= LARGEST ? norm : LARGEST;
  }
}

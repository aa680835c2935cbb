package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.ValueNorms;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.ValueLayout;

/** {@link ValueNorms} on all cores: tasks are ranges of values of one KV head. */
final class VectorValueNorms implements ValueNorms {
  /** Values of one task. */
  private static final int RANGE = 1_024;

  private final Workers workers;

  VectorValueNorms(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void update(KvStore kv, int layer, int slot, int from, TokenZones zones,
      ZoneTable norms) {
    ValueNorms.require(kv, norms);
    HostZoneTable table = HostZoneTable.of(norms);
    TokenSlabs values = HostKvStore.of(kv).values(layer, slot);
    int ranges = Math.max(0, Math.ceilDiv(zones.recentStart() - from, RANGE));
    workers.run(kv.shape().kvHeads() * ranges, task -> {
      int kvHead = task / ranges;
      int first = from + task % ranges * RANGE;
      int end = Math.min(first + RANGE, zones.recentStart());
      float[] x = new float[Floats.padded(values.width())];
      for (int position = first; position < end; position++) {
        Floats.read(values.dtype(), values.address(kvHead, position), x, 0, values.width());
        table.row(layer, slot, kvHead, position - zones.sinkEnd()).set(ValueLayout.JAVA_SHORT, 0,
            Bf16.fromFloat(norm(x, values.width())));
      }
    });
  }

  /** In loops that the compiler turns into vectors: every addition has lanes of its own. */
  private static float norm(float[] x, int width) {
    for (int i = 0; i < width; i++) {
      x[i] *= x[i];
    }
    for (int half = width / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        x[i] += x[i + half];
      }
    }
    float norm = (float) Math.sqrt(x[0]);
    return norm <= LARGEST ? norm : LARGEST;
  }
}

package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.index.Coarse;
import io.pariskv.index.HadamardRotation;
import io.pariskv.index.KeyEncoder;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.MagnitudeLevels;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link KeyEncoder} in float, in the order that the contract fixes. */
final class ScalarKeyEncoder implements KeyEncoder {
  private final float[] thresholds = MagnitudeLevels.thresholds();
  private final float[] levels = MagnitudeLevels.levels();

  @Override
  public void encode(KvStore kv, int layer, int slot, int from, int to, KeyIndex index,
      int zoneFrom) {
    HostKvStore store = HostKvStore.of(kv);
    HostKeyIndex target = HostKeyIndex.of(index);
    KvShape shape = kv.shape();
    if (!shape.equals(index.shape())) {
      throw new IllegalArgumentException(
          "the index is for " + index.shape() + ", the store holds " + shape);
    }
    float[] signs = HadamardRotation.signs(shape.headDim());
    for (int kvHead = 0; kvHead < shape.kvHeads(); kvHead++) {
      for (int position = from; position < to; position++) {
        TokenSlabs keys = store.keys(layer, slot);
        float[] y = Elements.floats(keys.row(kvHead, position), keys.dtype());
        if (index.coarse() == Coarse.SCORES) {
          subtract(y, index.centres(layer, slot), kvHead);
        }
        for (int i = 0; i < y.length; i++) {
          y[i] *= signs[i];
        }
        HadamardRotation.transform(y, 0, y.length);
        int zonePosition = zoneFrom + position - from;
        float[] squares = new float[index.subspaces()];
        for (int b = 0; b < index.subspaces(); b++) {
          squares[b] = block(y, b, target, layer, slot, kvHead, zonePosition);
        }
        if (index.coarse() == Coarse.SCORES) {
          float norm = (float) Math.sqrt(halving(squares)) * HadamardRotation.scale(y.length);
          target.norms(layer, slot).row(kvHead, zonePosition).set(ValueLayout.JAVA_SHORT, 0,
              Bf16.fromFloat(norm));
        }
      }
    }
  }

  private static void subtract(float[] y, Buffer centres, int kvHead) {
    for (int i = 0; i < y.length; i++) {
      y[i] -= Elements.getFloat(centres, (long) kvHead * y.length + i);
    }
  }

  /** Encodes block {@code b} of the rotated key {@code y} and returns the sum of its squares. */
  private float block(float[] y, int b, HostKeyIndex index, int layer, int slot, int kvHead,
      int zonePosition) {
    int m = SignCentroids.SUBSPACE_DIM;
    float[] squares = new float[m];
    for (int j = 0; j < m; j++) {
      squares[j] = y[b * m + j] * y[b * m + j];
    }
    float r2 = sum(squares);
    float r = (float) Math.sqrt(r2);
    int id = 0;
    int codes = 0;
    float[] products = new float[m];
    for (int j = 0; j < m; j++) {
      float magnitude = Math.abs(y[b * m + j]);
      int sign = y[b * m + j] >= 0 ? 1 : 0;
      int level = level(magnitude, r);
      id |= sign << j;
      codes |= (8 * sign + level) << (4 * j);
      products[j] = levels[level] * magnitude;
    }
    float s = sum(products);
    float scale = HadamardRotation.scale(y.length);
    float weight = r == 0 ? 0 : (r / Math.max(s / r, 1e-6f)) * scale;

    int subspaces = index.subspaces();
    Elements.setByte(index.ids(layer, slot).row(kvHead * subspaces + b, zonePosition), 0, id);
    MemorySegment record = index.records(layer, slot).row(kvHead, zonePosition);
    record.setAtIndex(ValueLayout.JAVA_INT, b, codes);
    record.asSlice(HostKeyIndex.weightsAt(subspaces)).setAtIndex(ValueLayout.JAVA_SHORT, b,
        Bf16.fromFloat(weight));
    if (index.coarse() == Coarse.TIERS) {
      Buffer populations = index.populations(layer, slot);
      long counter = ((long) kvHead * subspaces + b) * SignCentroids.COUNT + id;
      Elements.setInt(populations, counter, Elements.getInt(populations, counter) + 1);
    }
    return r2;
  }

  /** The sum of a power of two of numbers, first and second half together until one is left. */
  private static float halving(float[] x) {
    for (int half = x.length / 2; half > 0; half /= 2) {
      for (int b = 0; b < half; b++) {
        x[b] += x[b + half];
      }
    }
    return x[0];
  }

  private int level(float magnitude, float r) {
    int level = 0;
    for (float threshold : thresholds) {
      level += magnitude > threshold * r ? 1 : 0;
    }
    return level;
  }

  /** The sum of eight numbers, in pairs. */
  private static float sum(float[] x) {
    return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
  }
}

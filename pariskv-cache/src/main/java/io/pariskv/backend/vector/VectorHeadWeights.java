package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.F2I;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.MAX;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadWeights;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * {@link HeadWeights} on vectors and all cores: first the largest score and the sum of each query head, then the
 * weights of some keys of a KV head.
 */
final class VectorHeadWeights implements HeadWeights {
  private static final int LANES = Species.FLOATS.length();

  /** Keys of a task. */
  private static final int RANGE = 4096;

  private static final float MAGIC = 0x1.8p23f;
  private static final float[] COEFFICIENTS = HeadWeights.coefficients();

  private final Workers workers;

  VectorHeadWeights(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void combine(KvStore kv, Batch batch, Buffer scores, Buffer combined) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    int heads = shape.heads();
    int kvHeads = shape.kvHeads();
    int most = ZoneItems.most(store, batch);
    scores.requireAtLeast("scores", DType.F32, batch.rows(), heads, most);
    combined.requireAtLeast("combined scores", DType.F32, batch.rows(), kvHeads, most);
    float scale = HeadWeights.toOctaves(shape.headDim());
    float[] largest = new float[batch.rows() * heads];
    float[] totals = new float[largest.length];
    workers.run(largest.length, head -> {
      long from = ZoneItems.address(scores, head);
      int keys = ZoneItems.keys(store, batch, head / heads);
      largest[head] = largest(from, keys);
      totals[head] = sum(from, keys, largest[head], scale) * 0x1p-30f;
    });
    int ranges = Math.ceilDiv(most, RANGE);
    workers.run(batch.rows() * kvHeads * ranges, task -> {
      int pair = task / ranges; // KV head of all rows' KV heads
      int keys = ZoneItems.keys(store, batch, pair / kvHeads);
      int first = task % ranges * RANGE;
      int count = Math.min(RANGE, keys - first);
      for (int i = 0; i < shape.groupSize(); i++) {
        int head = pair * shape.groupSize() + i;
        add(ZoneItems.address(scores, head) + 4L * first, count, largest[head], scale,
            totals[head], i == 0, ZoneItems.address(combined, pair) + 4L * first);
      }
    });
  }

  private static float largest(long from, int count) {
    FloatVector most = FloatVector.broadcast(Species.FLOATS, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector score = Raw.f32(from + 4L * i);
      most = most.blend(score, score.compare(GT, most));
    }
    float largest = most.reduceLanes(MAX);
    for (; i < count; i++) {
      float score = Raw.getFloat(from + 4L * i);
      largest = score > largest ? score : largest;
    }
    return largest;
  }

  private static long sum(long from, int count, float largest, float scale) {
    int[] lanes = new int[LANES];
    long sum = 0;
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector power = power(Raw.f32(from + 4L * i).sub(largest).mul(scale));
      ((IntVector) power.mul(0x1p30f).convert(F2I, 0)).intoArray(lanes, 0);
      for (int lane : lanes) {
        sum += lane;
      }
    }
    for (; i < count; i++) {
      sum += (long) (power(Raw.getFloat(from + 4L * i), largest, scale) * 0x1p30f);
    }
    return sum;
  }

  private static void add(long from, int count, float largest, float scale, float total,
      boolean first, long to) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector weight = total > 0
          ? power(Raw.f32(from + 4L * i).sub(largest).mul(scale)).div(total)
          : FloatVector.zero(Species.FLOATS);
      Raw.store(first ? weight : Raw.f32(to + 4L * i).add(weight), to + 4L * i);
    }
    for (; i < count; i++) {
      float weight = total > 0 ? power(Raw.getFloat(from + 4L * i), largest, scale) / total : 0;
      Raw.setFloat(to + 4L * i, first ? weight : Raw.getFloat(to + 4L * i) + weight);
    }
  }

  private static float power(float score, float largest, float scale) {
    return HeadWeights.power((score - largest) * scale, COEFFICIENTS);
  }

  private static FloatVector power(FloatVector x) {
    FloatVector shifted = x.add(MAGIC); // the whole number is in its low bits
    FloatVector f = x.sub(shifted.sub(MAGIC));
    FloatVector p = FloatVector.broadcast(Species.FLOATS, COEFFICIENTS[0]);
    for (int i = 1; i < COEFFICIENTS.length; i++) {
      p = p.fma(f, FloatVector.broadcast(Species.FLOATS, COEFFICIENTS[i]));
    }
    FloatVector octave = shifted.reinterpretAsInts().lanewise(LSHL, 23).add(127 << 23)
        .reinterpretAsFloats();
    return FloatVector.zero(Species.FLOATS).blend(p.mul(octave), x.compare(GE, -120));
  }
}

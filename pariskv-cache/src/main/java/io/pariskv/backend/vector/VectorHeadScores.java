package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.F2I;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHR;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadScores;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** {@link HeadScores}, a KV head a task. */
final class VectorHeadScores implements HeadScores {
  private static final int LANES = Species.INTS.length();
  private static final int FRACTION = (1 << 23) - 1;
  private static final int LEAST = -126 << 23;

  private final Workers workers;
  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

  VectorHeadScores(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void combine(KeyIndex index, Batch batch, Buffer scores, Buffer combined) {
    ZoneRows rows = ZoneRows.of(index, batch);
    int kvHeads = rows.kvHeads();
    int heads = rows.heads();
    float toOctaves = HeadScores.toOctaves(index.shape().headDim());
    combined.requireAtLeast("candidate scores", DType.F32, batch.rows(), kvHeads,
        rows.mostCandidates());
    long capacity = combined.shape().axis(2);
    int group = HeadScores.heads(index, batch, scores, capacity);
    long scoresAt = scores.segment().address();
    long combinedAt = combined.segment().address();
    workers.run(heads, head -> {
      int count = rows.candidates(head / kvHeads);
      long logarithms = scratch.get().reserve((long) Float.BYTES * count);
      long to = combinedAt + head * capacity * Float.BYTES;
      for (int i = 0; i < group; i++) {
        long from = scoresAt + ((long) i * heads + head) * capacity * Float.BYTES;
        long sum = logarithms(from, count, largest(from, count), toOctaves, logarithms);
        int logarithm = Float.floatToRawIntBits((float) sum) - (150 << 23);
        // Of nothing, so large a logarithm that all weights are 0.
        addWeights(logarithms, count, sum > 0 ? logarithm : 128 << 23, to, i == 0);
      }
    });
  }

  private static float largest(long from, int count) {
    FloatVector most = FloatVector.broadcast(Species.FLOATS, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector each = Raw.f32(from + (long) i * Float.BYTES);
      most = most.blend(each, each.compare(GT, most)); // NaN is not above anything
    }
    float largest = most.reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      float each = Raw.getFloat(from + (long) i * Float.BYTES);
      largest = each > largest ? each : largest;
    }
    return largest;
  }

  /** Writes the logarithms of the weights before they are normalised; returns their sum. */
  private static long logarithms(long from, int count, float largest, float toOctaves, long to) {
    long sum = 0;
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector z = Raw.f32(from + (long) i * Float.BYTES).sub(largest).mul(toOctaves);
      IntVector u = ((IntVector) z.mul(0x1p23f).convertShape(F2I, Species.INTS, 0))
          .blend(LEAST, z.compare(GT, -126).not().cast(Species.INTS));
      u.intoMemorySegment(Raw.ALL, to + (long) i * Integer.BYTES, ByteOrder.LITTLE_ENDIAN);
      // Of at most 16 numbers below 2^24.
      sum += u.and(FRACTION).or(FRACTION + 1).lanewise(LSHR, u.lanewise(ASHR, 23).neg().min(31))
          .reduceLanes(VectorOperators.ADD);
    }
    for (; i < count; i++) {
      float z = (Raw.getFloat(from + (long) i * Float.BYTES) - largest) * toOctaves;
      int u = z > -126 ? (int) (z * 0x1p23f) : LEAST;
      Raw.setFloat(to + (long) i * Float.BYTES, Float.intBitsToFloat(u));
      sum += (u & FRACTION | FRACTION + 1) >> Math.min(31, -(u >> 23));
    }
    return sum;
  }

  /** Adds normalised weights to the scores, or starts the scores with them. */
  private static void addWeights(long logarithms, int count, int logarithm, long to,
      boolean first) {
    int offset = (127 << 23) - logarithm;
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector weight = IntVector.fromMemorySegment(Species.INTS, Raw.ALL,
          logarithms + (long) i * Integer.BYTES, ByteOrder.LITTLE_ENDIAN).add(offset).max(0)
          .reinterpretAsFloats();
      long at = to + (long) i * Float.BYTES;
      Raw.store(first ? weight : Raw.f32(at).add(weight), at);
    }
    for (; i < count; i++) {
      int u = Raw.getInt(logarithms + (long) i * Integer.BYTES);
      float weight = Float.intBitsToFloat(Math.max(0, u + offset));
      long at = to + (long) i * Float.BYTES;
      Raw.setFloat(at, first ? weight : Raw.getFloat(at) + weight);
    }
  }
}

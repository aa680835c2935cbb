package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadScores;

/** {@link HeadScores} in the order that the contract fixes. */
final class ScalarHeadScores implements HeadScores {
  @Override
  public void combine(KeyIndex index, Batch batch, Buffer scores, Buffer combined) {
    HostKeyIndex keys = HostKeyIndex.of(index);
    int kvHeads = index.shape().kvHeads();
    int heads = batch.rows() * kvHeads;
    long capacity = combined.shape().axis(combined.shape().rank() - 1);
    int group = HeadScores.heads(index, batch, scores, capacity);
    for (int head = 0; head < heads; head++) {
      int slot = Elements.getInt(batch.slots(), head / kvHeads);
      int count = Math.min(keys.budget(slot, 1), keys.budget(slot, 0));
      combined.requireAtLeast("candidate scores", DType.F32, batch.rows(), kvHeads, count);
      float[] sums = new float[count];
      for (int i = 0; i < group; i++) {
        float[] estimates = Elements.floats(scores.segment(), DType.F32,
            ((long) i * heads + head) * capacity, count);
        float[] weights = weights(estimates, HeadScores.toOctaves(index.shape().headDim()));
        for (int j = 0; j < count; j++) {
          sums[j] = i == 0 ? weights[j] : sums[j] + weights[j];
        }
      }
      for (int j = 0; j < count; j++) {
        Elements.setFloat(combined, head * capacity + j, sums[j]);
      }
    }
  }

  private static float[] weights(float[] estimates, float toOctaves) {
    float largest = Float.NEGATIVE_INFINITY;
    for (float estimate : estimates) {
      largest = estimate > largest ? estimate : largest;
    }
    int[] logarithms = new int[estimates.length];
    long sum = 0;
    for (int i = 0; i < estimates.length; i++) {
      float z = (estimates[i] - largest) * toOctaves;
      int u = z > -126 ? (int) (z * 0x1p23f) : -126 << 23;
      logarithms[i] = u;
      sum += (1 << 23 | u & (1 << 23) - 1) >> Math.min(31, -(u >> 23));
    }
    int logarithm = Float.floatToRawIntBits((float) sum) - (150 << 23);
    float[] weights = new float[estimates.length];
    for (int i = 0; sum > 0 && i < weights.length; i++) {
      weights[i] = Float.intBitsToFloat(Math.max(0, (127 << 23) + logarithms[i] - logarithm));
    }
    return weights;
  }
}

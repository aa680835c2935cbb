package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadWeights;

/** {@link HeadWeights}, head by head. */
final class ScalarHeadWeights implements HeadWeights {
  private final float[] coefficients = HeadWeights.coefficients();

  @Override
  public void combine(KvStore kv, Batch batch, Buffer scores, Buffer combined) {
    KvShape shape = kv.shape();
    for (int head = 0; head < batch.rows() * shape.heads(); head++) {
      int slot = Elements.getInt(batch.slots(), head / shape.heads());
      int keys = HostKvStore.of(kv).zones(slot).retrievalTokens();
      scores.requireAtLeast("scores", DType.F32, batch.rows(), shape.heads(), keys);
      combined.requireAtLeast("combined scores", DType.F32, batch.rows(), shape.kvHeads(), keys);
      float[] weights = weights(Elements.floats(scores.segment(), DType.F32,
          head * scores.shape().axis(2), keys), HeadWeights.toOctaves(shape.headDim()));
      long to = head / shape.groupSize() * combined.shape().axis(2);
      boolean first = head % shape.groupSize() == 0;
      for (int i = 0; i < keys; i++) {
        Elements.setFloat(combined, to + i,
            first ? weights[i] : Elements.getFloat(combined, to + i) + weights[i]);
      }
    }
  }

  private float[] weights(float[] scores, float toOctaves) {
    float most = Float.NEGATIVE_INFINITY;
    for (float score : scores) {
      most = score > most ? score : most;
    }
    float[] weights = new float[scores.length];
    long sum = 0;
    for (int i = 0; i < scores.length; i++) {
      weights[i] = HeadWeights.power((scores[i] - most) * toOctaves, coefficients);
      sum += (long) (weights[i] * 0x1p30f);
    }
    for (int i = 0; i < scores.length; i++) {
      weights[i] = sum > 0 ? weights[i] / (sum * 0x1p-30f) : 0;
    }
    return weights;
  }
}

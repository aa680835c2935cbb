package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.MagnitudeLevels;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.Rerank;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link Rerank} in float, in the order that the contract fixes. */
final class ScalarRerank implements Rerank {
  private final float[] codeValues = MagnitudeLevels.codeValues();

  @Override
  public void score(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer candidates,
      Buffer scores) {
    HostKeyIndex keys = HostKeyIndex.of(index);
    KvShape shape = index.shape();
    int kvHeads = shape.kvHeads();
    blocks.require("query blocks", DType.F32, batch.rows(), kvHeads, shape.headDim());
    float[] p = Elements.floats(blocks.segment(), DType.F32);
    for (int row = 0; row < batch.rows() * kvHeads; row++) {
      int slot = Elements.getInt(batch.slots(), row / kvHeads);
      int count = Math.min(keys.budget(slot, 1), keys.budget(slot, 0));
      candidates.requireAtLeast("candidates", DType.I32, batch.rows(), kvHeads, count);
      scores.requireAtLeast("candidate scores", DType.F32, batch.rows(), kvHeads, count);
      for (int i = 0; i < count; i++) {
        int key = Elements.getInt(candidates, row * candidates.shape().axis(2) + i);
        MemorySegment record = keys.records(layer, slot).row(row % kvHeads, key);
        float score = estimate(record, p, row * shape.headDim(), index.subspaces());
        Elements.setFloat(scores, row * scores.shape().axis(2) + i, score);
      }
    }
  }

  private float estimate(MemorySegment record, float[] p, int from, int subspaces) {
    MemorySegment weights = record.asSlice(HostKeyIndex.weightsAt(subspaces));
    float[] x = new float[subspaces];
    for (int b = 0; b < subspaces; b++) {
      int packed = record.getAtIndex(ValueLayout.JAVA_INT, b);
      float sum = 0;
      for (int j = 0; j < SignCentroids.SUBSPACE_DIM; j++) {
        float value = codeValues[packed >>> (4 * j) & 15];
        sum = Math.fma(value, p[from + b * SignCentroids.SUBSPACE_DIM + j], sum);
      }
      x[b] = sum * Elements.getFloat(weights, DType.BF16, b);
    }
    for (int half = subspaces / 2; half > 0; half /= 2) {
      for (int b = 0; b < half; b++) {
        x[b] += x[b + half];
      }
    }
    return x[0];
  }
}

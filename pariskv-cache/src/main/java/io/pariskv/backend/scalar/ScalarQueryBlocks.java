package io.pariskv.backend.scalar;

import io.pariskv.index.HadamardRotation;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.QueryBlocks;

/** {@link QueryBlocks} in float, in the order that the contract fixes. */
final class ScalarQueryBlocks implements QueryBlocks {
  @Override
  public void rotate(KeyIndex index, Batch batch, Buffer q, Buffer blocks) {
    KvShape shape = index.shape();
    int headDim = shape.headDim();
    int group = shape.groupSize();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), headDim);
    blocks.require("query blocks", DType.F32, batch.rows(), shape.kvHeads(), headDim);
    float[] signs = HadamardRotation.signs(headDim);
    float scale = HadamardRotation.scale(headDim);
    for (int kvHead = 0; kvHead < batch.rows() * shape.kvHeads(); kvHead++) {
      float[] y = new float[headDim];
      for (int i = 0; i < headDim; i++) {
        long first = (long) kvHead * group * headDim + i;
        float sum = Elements.getFloat(q, first);
        for (int head = 1; head < group; head++) {
          sum += Elements.getFloat(q, first + (long) head * headDim);
        }
        y[i] = sum / group * signs[i];
      }
      HadamardRotation.transform(y, 0, headDim);
      for (int i = 0; i < headDim; i++) {
        Elements.setFloat(blocks, (long) kvHead * headDim + i, y[i] * scale);
      }
    }
  }
}

package io.pariskv.backend.vector;

import io.pariskv.index.HadamardRotation;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.QueryBlocks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link QueryBlocks}: so little work that plain loops on the calling thread are the fastest. */
final class VectorQueryBlocks implements QueryBlocks {
  private float[] signs = new float[0];
  private float[] mean = new float[0];

  @Override
  public void rotate(KeyIndex index, Batch batch, Buffer q, Buffer blocks) {
    KvShape shape = index.shape();
    int headDim = shape.headDim();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), headDim);
    blocks.require("query blocks", DType.F32, batch.rows(), shape.kvHeads(), headDim);
    if (signs.length != headDim) {
      signs = HadamardRotation.signs(headDim);
      mean = new float[headDim];
    }
    for (int head = 0; head < batch.rows() * shape.kvHeads(); head++) {
      rotate(q.segment(), blocks.segment(), head, shape.groupSize());
    }
  }

  private void rotate(MemorySegment q, MemorySegment blocks, int head, int group) {
    float[] y = mean;
    float[] sign = signs;
    long from = (long) head * group * y.length;
    MemorySegment.copy(q, ValueLayout.JAVA_FLOAT, from * Float.BYTES, y, 0, y.length);
    for (int other = 1; other < group; other++) {
      long at = from + (long) other * y.length;
      for (int i = 0; i < y.length; i++) {
        y[i] += q.getAtIndex(ValueLayout.JAVA_FLOAT, at + i);
      }
    }
    for (int i = 0; i < y.length; i++) {
      y[i] = y[i] / group * sign[i];
    }
    HadamardRotation.transform(y, 0, y.length);
    float scale = HadamardRotation.scale(y.length);
    for (int i = 0; i < y.length; i++) {
      y[i] *= scale;
    }
    MemorySegment.copy(y, 0, blocks, ValueLayout.JAVA_FLOAT, (long) head * y.length * Float.BYTES,
        y.length);
  }
}

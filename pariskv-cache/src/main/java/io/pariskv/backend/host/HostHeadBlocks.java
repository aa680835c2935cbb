package io.pariskv.backend.host;

import io.pariskv.index.HadamardRotation;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadBlocks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@link HeadBlocks} of both CPU backends: some ten thousand additions. */
public final class HostHeadBlocks implements HeadBlocks {
  @Override
  public void rotate(KeyIndex index, Batch batch, Buffer q, Buffer blocks) {
    KvShape shape = index.shape();
    int headDim = shape.headDim();
    int group = shape.groupSize();
    int kvHeads = batch.rows() * shape.kvHeads(); // of all rows
    q.require("queries", DType.F32, batch.rows(), shape.heads(), headDim);
    blocks.require("query blocks", DType.F32, group, batch.rows(), shape.kvHeads(), headDim);
    float[] signs = HadamardRotation.signs(headDim);
    float scale = HadamardRotation.scale(headDim);
    float[] y = new float[headDim];
    long bytes = (long) headDim * Float.BYTES;
    for (int head = 0; head < kvHeads * group; head++) {
      MemorySegment.copy(q.segment(), ValueLayout.JAVA_FLOAT, head * bytes, y, 0, headDim);
      for (int i = 0; i < headDim; i++) {
        y[i] *= signs[i];
      }
      HadamardRotation.transform(y, 0, headDim);
      for (int i = 0; i < headDim; i++) {
        y[i] *= scale;
      }
      long to = (long) head % group * kvHeads + head / group;
      MemorySegment.copy(y, 0, blocks.segment(), ValueLayout.JAVA_FLOAT, to * bytes, headDim);
    }
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.index.HadamardRotation;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadBlocks;

/** {@link HeadBlocks} on the GPU: {@code head_blocks.cu}. */
final class CudaHeadBlocks implements HeadBlocks {
  private static final int BLOCK = 128;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaHeadBlocks(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("head_blocks");
  }

  @Override
  public void rotate(KeyIndex index, Batch batch, Buffer q, Buffer blocks) {
    KvShape shape = index.shape();
    int headDim = shape.headDim();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), headDim);
    blocks.require("query blocks", DType.F32, shape.groupSize(), batch.rows(), shape.kvHeads(),
        headDim);
    int heads = batch.rows() * shape.heads();
    if (heads > 0) {
      kernels.launch().grid(KernelLaunch.blocks((long) heads * index.subspaces(), BLOCK))
          .block(BLOCK).arg(q).arg(blocks).arg(heads).arg(shape.groupSize())
          .arg(index.subspaces()).arg(HadamardRotation.scale(headDim)).run(function);
    }
  }
}

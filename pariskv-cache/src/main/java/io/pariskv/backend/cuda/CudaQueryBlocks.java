package io.pariskv.backend.cuda;

import io.pariskv.index.HadamardRotation;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.QueryBlocks;

/** {@link QueryBlocks} on the GPU. */
final class CudaQueryBlocks implements QueryBlocks {
  private static final int BLOCK = 128;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaQueryBlocks(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("query_blocks");
  }

  @Override
  public void rotate(KeyIndex index, Batch batch, Buffer q, Buffer blocks) {
    KvShape shape = index.shape();
    int headDim = shape.headDim();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), headDim);
    blocks.require("query blocks", DType.F32, batch.rows(), shape.kvHeads(), headDim);
    int heads = batch.rows() * shape.kvHeads();
    kernels.launch().grid(KernelLaunch.blocks((long) heads * index.subspaces(), BLOCK)).block(BLOCK)
        .arg(q).arg(blocks).arg(heads).arg(shape.groupSize()).arg(index.subspaces())
        .arg(HadamardRotation.scale(headDim)).run(function);
  }
}

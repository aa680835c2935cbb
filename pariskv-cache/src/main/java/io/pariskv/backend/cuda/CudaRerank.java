package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.Rerank;

/** {@link Rerank} on the GPU. */
final class CudaRerank implements Rerank {
  private static final int BLOCK = 128;
  /** Enough that the query is read once for many keys, few enough that a short zone fills the GPU. */
  private static final int CANDIDATES_OF_BLOCK = 128;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaRerank(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("rerank");
  }

  /**
   * {@inheritDoc} Candidates that the buffers have no room for are not scored: how many there are is known
   * to the GPU alone. Room that suits no sequence is refused.
   */
  @Override
  public void score(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer candidates,
      Buffer scores) {
    CudaKeyIndex keys = CudaKeyIndex.of(index);
    keys.requireIndexed(layer);
    KvShape shape = index.shape();
    int rows = batch.rows();
    int kvHeads = shape.kvHeads();
    int fewest = keys.fewestCandidates();
    blocks.require("query blocks", DType.F32, rows, kvHeads, shape.headDim());
    candidates.requireAtLeast("candidates", DType.I32, rows, kvHeads, fewest);
    scores.requireAtLeast("candidate scores", DType.F32, rows, kvHeads, fewest);
    int capacity = candidates.shape().extent(2);
    kernels.launch()
        .grid(Math.max(1, KernelLaunch.blocks(capacity, CANDIDATES_OF_BLOCK)), kvHeads, rows)
        .block(BLOCK).arg(keys.recordTable()).arg(keys.budgets()).arg(batch.slots()).arg(blocks)
        .arg(candidates).arg(scores).arg(layer).arg(shape.layers()).arg(index.subspaces())
        .arg(capacity).arg(scores.shape().extent(2)).run(function);
  }
}

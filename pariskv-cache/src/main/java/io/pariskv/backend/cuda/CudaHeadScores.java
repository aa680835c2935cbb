package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadScores;

/** {@link HeadScores} on the GPU: {@code head_scores.cu}. */
final class CudaHeadScores implements HeadScores {
  private static final int BLOCK = 512;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaHeadScores(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("head_scores");
  }

  @Override
  public void combine(KeyIndex index, Batch batch, Buffer scores, Buffer combined) {
    CudaKeyIndex keys = CudaKeyIndex.of(index);
    KvShape shape = index.shape();
    new ZoneRoom(kernels, keys, batch).requireCandidates("candidate scores", DType.F32, combined);
    long capacity = combined.shape().axis(2);
    int group = HeadScores.heads(index, batch, scores, capacity);
    int heads = batch.rows() * shape.kvHeads();
    if (heads > 0 && capacity > 0) {
      kernels.launch().grid(heads).block(BLOCK).arg(batch.slots()).arg(keys.budgets())
          .arg(scores).arg(combined).arg(capacity).arg(shape.kvHeads()).arg(group)
          .arg(HeadScores.toOctaves(shape.headDim())).run(function);
    }
  }
}

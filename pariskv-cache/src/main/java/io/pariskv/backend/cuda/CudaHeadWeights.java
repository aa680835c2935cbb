package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadWeights;

/** {@link HeadWeights} on the GPU: {@code head_weights.cu}. */
final class CudaHeadWeights implements HeadWeights {
  private static final int BLOCK = 1024;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaHeadWeights(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("head_weights");
  }

  @Override
  public void combine(KvStore kv, Batch batch, Buffer scores, Buffer combined) {
    KvShape shape = kv.shape();
    scores.requireAtLeast("scores", DType.F32, batch.rows(), shape.heads(), 0);
    combined.requireAtLeast("combined scores", DType.F32, batch.rows(), shape.kvHeads(), 0);
    kernels.launch().overlapped().grid(shape.kvHeads(), batch.rows()).block(BLOCK)
        .shared(2 * Float.BYTES * shape.groupSize()).arg(CudaKvStore.of(kv).zones())
        .arg(batch.slots()).arg(scores).arg(scores.shape().extent(2)).arg(shape.groupSize())
        .arg(HeadWeights.toOctaves(shape.headDim())).arg(combined)
        .arg(combined.shape().extent(2)).run(function);
  }
}

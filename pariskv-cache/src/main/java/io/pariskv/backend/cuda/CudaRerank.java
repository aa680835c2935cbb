package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.Rerank;

/** {@link Rerank} on the GPU. */
final class CudaRerank implements Rerank {
  private final Kernels kernels;

  CudaRerank(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void score(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer candidates,
      Buffer scores) {
    throw new UnsupportedOperationException("Rerank on " + kernels.device());
  }
}

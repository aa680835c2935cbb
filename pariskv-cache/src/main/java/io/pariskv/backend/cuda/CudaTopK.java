package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.TopK;

/** {@link TopK} on the GPU. */
final class CudaTopK implements TopK {
  private final Kernels kernels;

  CudaTopK(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void select(KeyIndex index, Batch batch, Buffer candidates, Buffer scores,
      Selection selection) {
    throw new UnsupportedOperationException("TopK on " + kernels.device());
  }
}

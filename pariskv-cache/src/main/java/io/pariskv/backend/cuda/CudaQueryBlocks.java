package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.QueryBlocks;

/** {@link QueryBlocks} on the GPU. */
final class CudaQueryBlocks implements QueryBlocks {
  private final Kernels kernels;

  CudaQueryBlocks(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void rotate(KeyIndex index, Batch batch, Buffer q, Buffer blocks) {
    throw new UnsupportedOperationException("QueryBlocks on " + kernels.device());
  }
}

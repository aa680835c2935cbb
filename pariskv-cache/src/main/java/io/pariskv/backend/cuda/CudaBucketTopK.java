package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.BucketTopK;

/** {@link BucketTopK} on the GPU. */
final class CudaBucketTopK implements BucketTopK {
  private final Kernels kernels;

  CudaBucketTopK(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void select(KeyIndex index, Batch batch, Buffer votes, Buffer candidates) {
    throw new UnsupportedOperationException("BucketTopK on " + kernels.device());
  }
}

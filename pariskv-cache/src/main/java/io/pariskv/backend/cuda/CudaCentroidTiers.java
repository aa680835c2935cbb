package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.CentroidTiers;

/** {@link CentroidTiers} on the GPU. */
final class CudaCentroidTiers implements CentroidTiers {
  private final Kernels kernels;

  CudaCentroidTiers(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void rank(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer tiers) {
    throw new UnsupportedOperationException("CentroidTiers on " + kernels.device());
  }
}

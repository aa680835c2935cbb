package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvAdvance;
import io.pariskv.kv.KvStore;

/** {@link KvAdvance} on the GPU. */
final class CudaKvAdvance implements KvAdvance {
  private final Kernels kernels;

  CudaKvAdvance(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void advance(KvStore kv, Batch batch) {
    throw new UnsupportedOperationException("KvAdvance on " + kernels.device());
  }
}

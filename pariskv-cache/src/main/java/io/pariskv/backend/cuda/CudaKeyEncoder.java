package io.pariskv.backend.cuda;

import io.pariskv.index.KeyEncoder;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.KvStore;

/** {@link KeyEncoder} on the GPU. */
final class CudaKeyEncoder implements KeyEncoder {
  private final Kernels kernels;

  CudaKeyEncoder(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void encode(KvStore kv, int layer, int slot, int from, int to, KeyIndex index,
      int zoneFrom) {
    throw new UnsupportedOperationException("KeyEncoder on " + kernels.device());
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.layer.SwiGlu;
import io.pariskv.memory.Buffer;

/** {@link SwiGlu} on the GPU. */
final class CudaSwiGlu implements SwiGlu {
  private final Kernels kernels;

  CudaSwiGlu(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void apply(Buffer gate, Buffer up, Buffer out) {
    throw new UnsupportedOperationException("SwiGlu on " + kernels.device());
  }
}

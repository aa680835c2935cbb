package io.pariskv.backend.cuda;

import io.pariskv.layer.RmsNorm;
import io.pariskv.memory.Buffer;

/** {@link RmsNorm} on the GPU. */
final class CudaRmsNorm implements RmsNorm {
  private final Kernels kernels;

  CudaRmsNorm(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void normalize(Buffer x, Buffer weight, float epsilon, Buffer y) {
    throw new UnsupportedOperationException("RmsNorm on " + kernels.device());
  }
}

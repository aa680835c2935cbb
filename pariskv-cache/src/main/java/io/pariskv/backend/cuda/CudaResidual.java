package io.pariskv.backend.cuda;

import io.pariskv.layer.Residual;
import io.pariskv.memory.Buffer;

/** {@link Residual} on the GPU. */
final class CudaResidual implements Residual {
  private final Kernels kernels;

  CudaResidual(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void add(Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Residual on " + kernels.device());
  }
}

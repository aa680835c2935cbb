package io.pariskv.backend.cuda;

import io.pariskv.layer.Linear;
import io.pariskv.layer.MatMul;
import io.pariskv.memory.Buffer;

/** {@link MatMul} on the GPU. */
final class CudaMatMul implements MatMul {
  private final Kernels kernels;

  CudaMatMul(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void multiply(Buffer x, Linear linear, Buffer y) {
    throw new UnsupportedOperationException("MatMul on " + kernels.device());
  }
}

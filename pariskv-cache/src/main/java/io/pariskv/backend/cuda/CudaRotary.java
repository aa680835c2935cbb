package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.layer.Rotary;
import io.pariskv.memory.Buffer;

/** {@link Rotary} on the GPU. */
final class CudaRotary implements Rotary {
  private final Kernels kernels;

  CudaRotary(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void angles(Batch batch, Buffer frequencies, float scale, Buffer table) {
    throw new UnsupportedOperationException("Rotary on " + kernels.device());
  }

  @Override
  public void rotate(Buffer x, Buffer table) {
    throw new UnsupportedOperationException("Rotary on " + kernels.device());
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.layer.Embedding;
import io.pariskv.memory.Buffer;

/** {@link Embedding} on the GPU. */
final class CudaEmbedding implements Embedding {
  private final Kernels kernels;

  CudaEmbedding(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void embed(Buffer tokens, Buffer table, Buffer out) {
    throw new UnsupportedOperationException("Embedding on " + kernels.device());
  }
}

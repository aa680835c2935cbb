package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.layer.TokenSampler;
import io.pariskv.memory.Buffer;

/** {@link TokenSampler} on the GPU. */
final class CudaTokenSampler implements TokenSampler {
  private final Kernels kernels;

  CudaTokenSampler(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void sample(Buffer logits, Batch batch, Buffer floats, Buffer ints, Buffer seen,
      Buffer tokens) {
    throw new UnsupportedOperationException("TokenSampler on " + kernels.device());
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.attention.PrefillAttention;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;

/** {@link PrefillAttention} on the GPU. */
final class CudaPrefillAttention implements PrefillAttention {
  private final Kernels kernels;

  CudaPrefillAttention(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void attend(KvStore kv, int layer, int slot, int start, Buffer q, Buffer out) {
    throw new UnsupportedOperationException("PrefillAttention on " + kernels.device());
  }
}

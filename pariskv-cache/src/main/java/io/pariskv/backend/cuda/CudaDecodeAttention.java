package io.pariskv.backend.cuda;

import io.pariskv.attention.DecodeAttention;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** {@link DecodeAttention} on the GPU. */
final class CudaDecodeAttention implements DecodeAttention {
  private final Kernels kernels;

  CudaDecodeAttention(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, @Nullable Selection selection,
      Buffer out) {
    throw new UnsupportedOperationException("DecodeAttention on " + kernels.device());
  }
}

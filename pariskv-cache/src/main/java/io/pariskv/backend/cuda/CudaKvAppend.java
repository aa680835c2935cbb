package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvAppend;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;

/** {@link KvAppend} on the GPU. */
final class CudaKvAppend implements KvAppend {
  private final Kernels kernels;

  CudaKvAppend(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public void append(KvStore kv, int layer, Batch batch, Buffer k, Buffer v) {
    throw new UnsupportedOperationException("KvAppend on " + kernels.device());
  }

  @Override
  public void appendChunk(KvStore kv, int layer, int slot, int start, Buffer k, Buffer v) {
    throw new UnsupportedOperationException("KvAppend on " + kernels.device());
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.DType;

/** {@link KeyCentre} on the GPU: {@code key_centre.cu}. */
final class CudaKeyCentre implements KeyCentre {
  /** Threads that read one key, at most. */
  private static final int THREADS = 64;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaKeyCentre(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("key_centre_bf16");
    this.f32 = kernels.function("key_centre_f32");
  }

  @Override
  public void find(KvStore kv, int layer, int slot, int from, int keys, KeyIndex index) {
    CudaKvStore store = CudaKvStore.of(kv);
    CudaKeyIndex target = CudaKeyIndex.of(index);
    target.requireIndexed(layer);
    KeyCentre.requireKeys(keys);
    kernels.context().requireNotRecording("find a centre");
    KvShape shape = index.shape();
    KernelLaunch launch = kernels.launch().grid(shape.kvHeads())
        .block(PARTIAL_SUMS * Math.min(THREADS, shape.headDim()));
    store.args(launch, layer).arg(slot).arg(from).arg(keys).arg(target.centreTable())
        .arg(shape.headDim()).arg(store.nearKeys(layer, slot, Math.addExact(from, keys)))
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }
}

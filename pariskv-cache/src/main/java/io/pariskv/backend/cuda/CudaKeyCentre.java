package io.pariskv.backend.cuda;

import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.DType;

/** {@link KeyCentre} on the GPU: {@code key_centre.cu}. */
final class CudaKeyCentre implements KeyCentre {
  private static final int BLOCK = 1024;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaKeyCentre(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("key_centre_bf16");
    this.f32 = kernels.function("key_centre_f32");
  }

  @Override
  public void find(KvStore kv, int layer, int slot, int from, int to, KeyIndex index) {
    CudaKvStore store = CudaKvStore.of(kv);
    CudaKeyIndex target = CudaKeyIndex.of(index);
    target.requireIndexed(layer);
    if (to <= from || to - from > KEYS) {
      throw new IllegalArgumentException(
          "a centre is found from 1 to " + KEYS + " keys, not " + (to - from));
    }
    KvShape shape = index.shape();
    KernelLaunch launch = kernels.launch().grid(shape.kvHeads()).block(BLOCK);
    store.args(launch, layer).arg(slot).arg(from).arg(to - from).arg(target.centreTable())
        .arg(shape.headDim()).run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }
}

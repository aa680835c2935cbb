package io.pariskv.backend.cuda;

import io.pariskv.index.KeySample;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.Objects;

/** {@link KeySample} on the GPU: {@code key_sample.cu}. With offload most keys come from pinned host memory. */
final class CudaKeySample implements KeySample {
  private static final int BLOCK = 256;
  private static final int ROWS_OF_BLOCK = 8;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaKeySample(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("key_sample_bf16");
    this.f32 = kernels.function("key_sample_f32");
  }

  @Override
  public void gather(KvStore kv, int layer, int slot, int kvHead, Buffer positions, Buffer rows) {
    KvShape shape = kv.shape();
    CudaKvStore store = CudaKvStore.of(kv);
    int n = Math.toIntExact(positions.shape().elements());
    positions.require("positions", DType.I32, n);
    rows.require("rows", shape.dtype(), n, shape.headDim());
    kernels.context().requireNotRecording("gather keys");
    if (n == 0) {
      return;
    }
    if (store.offloaded()) {
      store.offload().await();
    }
    KernelLaunch launch = kernels.launch().grid(KernelLaunch.blocks(n, ROWS_OF_BLOCK))
        .block(BLOCK);
    store.args(launch, layer).arg(slot).arg(Objects.checkIndex(kvHead, shape.kvHeads()))
        .arg(shape.kvHeads()).arg(shape.headDim()).arg(positions).arg(n).arg(rows)
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }
}

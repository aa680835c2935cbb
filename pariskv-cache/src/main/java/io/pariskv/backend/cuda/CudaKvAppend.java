package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvAppend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link KvAppend} on the GPU: into the slabs, but a step's rows into device memory alone ({@link DeferredRows}). */
final class CudaKvAppend implements KvAppend {
  private static final int BLOCK = 256;
  /** Elements of a thread. */
  private static final int WIDE = 8;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaKvAppend(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("kv_append_bf16");
    this.f32 = kernels.function("kv_append_f32");
  }

  @Override
  public void append(KvStore kv, int layer, Batch batch, Buffer k, Buffer v) {
    CudaKvStore store = CudaKvStore.of(kv);
    int rows = batch.rows();
    require(store.shape(), rows, k, v);
    KernelLaunch launch = begin(store, layer, rows).arg(batch.slots()).arg(batch.positions())
        .arg(0).arg(0);
    run(launch, store, rows, k, v);
  }

  /** {@inheritDoc} With offload the rows go to device memory first and their copies run beside later work. */
  @Override
  public void appendChunk(KvStore kv, int layer, int slot, int start, Buffer k, Buffer v) {
    CudaKvStore store = CudaKvStore.of(kv);
    int rows = k.shape().extent(0);
    require(store.shape(), rows, k, v);
    store.requireRoom(slot, start, rows);
    if (store.offloaded()) {
      store.offload().append(layer, slot, start, k, v);
    } else {
      KernelLaunch launch = begin(store, layer, rows).arg(0L).arg(0L).arg(slot).arg(start);
      run(launch, store, rows, k, v);
    }
  }

  private static void require(KvShape shape, int rows, Buffer k, Buffer v) {
    k.require("keys", DType.F32, rows, shape.kvHeads(), shape.headDim());
    v.require("values", DType.F32, rows, shape.kvHeads(), shape.headDim());
  }

  private KernelLaunch begin(CudaKvStore store, int layer, int rows) {
    KvShape shape = store.shape();
    long threads = 2L * rows * shape.kvHeads() * Math.ceilDiv(shape.headDim(), WIDE);
    return store.args(
        kernels.launch().overlapped().grid(KernelLaunch.blocks(threads, BLOCK)).block(BLOCK),
        layer);
  }

  private void run(KernelLaunch launch, CudaKvStore store, int rows, Buffer k, Buffer v) {
    KvShape shape = store.shape();
    launch.arg(store.saved()).arg(k).arg(v).arg(rows).arg(shape.kvHeads()).arg(shape.headDim())
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvAdvance;
import io.pariskv.kv.KvStore;

/** {@link KvAdvance} on the GPU. With offload the rows of the step before go to host memory first. */
final class CudaKvAdvance implements KvAdvance {
  private static final int BLOCK = 128;

  private final Kernels kernels;
  private final CudaFunction advance;

  CudaKvAdvance(Kernels kernels) {
    this.kernels = kernels;
    this.advance = kernels.function("kv_advance");
  }

  @Override
  public void advance(KvStore kv, Batch batch) {
    int rows = batch.rows();
    CudaKvStore store = CudaKvStore.of(kv);
    DeferredRows deferred = store.deferred();
    if (deferred != null) {
      deferred.bring(batch);
    }
    kernels.launch().grid(KernelLaunch.blocks(rows, BLOCK)).block(BLOCK)
        .arg(store.zones()).arg(batch.slots()).arg(batch.positions()).arg(rows)
        .run(advance);
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.ZoneTopK;

/** {@link ZoneTopK} on the GPU: {@code zone_top_k.cu}. */
final class CudaZoneTopK implements ZoneTopK {
  private static final int BLOCK = 1024;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaZoneTopK(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("zone_top_k");
  }

  @Override
  public void select(KvStore kv, Batch batch, Buffer scores, int unit, int most,
      Selection selection) {
    ZoneTopK.require(batch, scores, unit, most, selection);
    kernels.launch().overlapped().grid(selection.heads(), batch.rows()).block(BLOCK)
        .arg(CudaKvStore.of(kv).zones()).arg(batch.slots()).arg(scores)
        .arg(scores.shape().extent(2)).arg(unit).arg(most).arg(selection.positions())
        .arg(selection.capacity()).arg(selection.counts()).run(function);
  }
}

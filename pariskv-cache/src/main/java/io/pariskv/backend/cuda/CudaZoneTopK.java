package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
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
    launch(kv, batch, scores, unit, most, 0, selection);
  }

  @Override
  public void select(KvStore kv, Batch batch, Buffer scores, int unit, Buffer most,
      Selection selection) {
    ZoneTopK.require(batch, scores, unit, 0, selection);
    most.require("items of slots", DType.I32, kv.slots());
    launch(kv, batch, scores, unit, selection.capacity() / unit, most.address(), selection);
  }

  /** @param mosts address of a number of each slot, or 0 */
  private void launch(KvStore kv, Batch batch, Buffer scores, int unit, int most, long mosts,
      Selection selection) {
    kernels.launch().overlapped().grid(selection.heads(), batch.rows()).block(BLOCK)
        .arg(CudaKvStore.of(kv).zones()).arg(batch.slots()).arg(scores)
        .arg(scores.shape().extent(2)).arg(unit).arg(most).arg(mosts)
        .arg(selection.positions()).arg(selection.capacity()).arg(selection.counts()).run(function);
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.AdaptiveTopK;

/** {@link AdaptiveTopK} on the GPU: {@code adaptive_top_k.cu}. */
final class CudaAdaptiveTopK implements AdaptiveTopK {
  private static final int BLOCK = 1024;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaAdaptiveTopK(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("adaptive_top_k");
  }

  @Override
  public void select(KeyIndex index, int layer, Batch batch, Buffer candidates, Buffer weights,
      ZoneTable norms, int share, Selection selection, Buffer totals) {
    AdaptiveTopK.requireShare(share);
    CudaKeyIndex keys = CudaKeyIndex.of(index);
    CudaZoneTable table = CudaZoneTable.of(norms);
    keys.requireIndexed(layer);
    KvShape shape = index.shape();
    ZoneRoom zones = new ZoneRoom(kernels, keys, batch);
    zones.requireCandidates("candidates", DType.I32, candidates);
    long room = candidates.shape().axis(2);
    weights.require("candidate weights", DType.F32, batch.rows(), shape.kvHeads(), room);
    zones.requireSelected("selection", DType.I32, selection.positions());
    totals.require("totals", DType.I64, keys.budgets().shape().axis(0), 2);
    int heads = batch.rows() * shape.kvHeads();
    if (heads > 0) {
      kernels.launch().grid(heads).block(BLOCK).arg(batch.slots()).arg(keys.budgets())
          .arg(candidates).arg(weights).arg(room).arg(shape.kvHeads()).arg(table.addresses())
          .arg(layer).arg(shape.layers()).arg(share).arg(selection.capacity())
          .arg(selection.positions()).arg(selection.counts()).arg(totals).run(function);
    }
  }
}

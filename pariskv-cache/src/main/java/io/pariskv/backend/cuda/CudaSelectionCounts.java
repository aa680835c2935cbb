package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.retrieve.ContextBins;
import io.pariskv.retrieve.SelectionCounts;

/** {@link SelectionCounts} on the GPU: {@code selection_counts.cu}. */
final class CudaSelectionCounts implements SelectionCounts {
  private static final int BLOCK = 256;

  /** Keys of a head for one block, where a head may select very many. */
  private static final int KEYS_OF_BLOCK = 4096;
  private static final int MOST_PARTS = 32;

  private final Kernels kernels;
  private final CudaFunction function;

  CudaSelectionCounts(Kernels kernels) {
    this.kernels = kernels;
    this.function = kernels.function("selection_counts");
  }

  @Override
  public void add(KvStore kv, Batch batch, Selection selection, boolean first, ContextBins bins) {
    SelectionCounts.require(kv, batch, selection, bins);
    int parts = Math.clamp(KernelLaunch.blocks(selection.capacity(), KEYS_OF_BLOCK), 1, MOST_PARTS);
    kernels.launch().overlapped().grid(parts, batch.rows()).block(BLOCK)
        .arg(CudaKvStore.of(kv).zones()).arg(batch.slots()).arg(batch.positions())
        .arg(selection.positions()).arg(selection.counts()).arg(selection.heads())
        .arg(selection.capacity()).arg(first ? 1 : 0).arg(bins.widths()).arg(bins.sums())
        .arg(bins.steps()).run(function);
  }
}

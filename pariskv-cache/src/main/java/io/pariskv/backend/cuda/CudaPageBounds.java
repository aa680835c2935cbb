package io.pariskv.backend.cuda;

import io.pariskv.index.PageBounds;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;

/**
 * {@link PageBounds} on the GPU: {@code page_bounds.cu}. With offload keys are read where prefill has them in device
 * memory, else from there and from pinned host memory.
 */
final class CudaPageBounds implements PageBounds {
  private static final int BLOCK = 128;
  private static final int PAGES_OF_BLOCK = 4;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaPageBounds(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("page_bounds_bf16");
    this.f32 = kernels.function("page_bounds_f32");
  }

  @Override
  public void update(KvStore kv, int layer, int slot, TokenZones zones, int firstPage,
      ZoneTable bounds) {
    PageBounds.require(kv, bounds);
    KvShape shape = kv.shape();
    CudaKvStore store = CudaKvStore.of(kv);
    CudaZoneTable table = CudaZoneTable.of(bounds);
    table.requireRows(layer);
    kernels.context().requireNotRecording("find bounds of pages");
    int pages = PageBounds.pages(zones.retrievalTokens(), bounds.tokensPerRow()) - firstPage;
    if (pages <= 0) {
      return;
    }
    int capacity = table.capacity(slot);
    if (store.capacity(slot) < zones.recentStart() || capacity < zones.retrievalTokens()) {
      throw new IllegalStateException("slot " + slot + " has room for bounds of " + capacity
          + " keys and for " + store.capacity(slot) + " tokens, not for " + zones
          + "; reserve first");
    }
    KernelLaunch launch = kernels.launch()
        .grid(KernelLaunch.blocks(pages, PAGES_OF_BLOCK), shape.kvHeads()).block(BLOCK);
    store.args(launch, layer).arg(slot).arg(zones.sinkEnd()).arg(zones.recentStart())
        .arg(firstPage).arg(Integer.numberOfTrailingZeros(bounds.tokensPerRow()))
        .arg(table.addresses()).arg(shape.headDim())
        .arg(store.nearKeys(layer, slot, zones.recentStart()))
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }
}

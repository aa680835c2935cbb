package io.pariskv.backend.cuda;

import io.pariskv.index.SignCentroids;
import io.pariskv.index.ValueNorms;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;

/**
 * {@link ValueNorms} on the GPU: {@code value_norms.cu}. With offload values are read where prefill has them in device
 * memory, else from there and from pinned host memory.
 */
final class CudaValueNorms implements ValueNorms {
  private static final int BLOCK = 256;
  private static final int LANES = 32;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaValueNorms(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("value_norms_bf16");
    this.f32 = kernels.function("value_norms_f32");
  }

  @Override
  public void update(KvStore kv, int layer, int slot, int from, TokenZones zones,
      ZoneTable norms) {
    ValueNorms.require(kv, norms);
    KvShape shape = kv.shape();
    CudaKvStore store = CudaKvStore.of(kv);
    CudaZoneTable table = CudaZoneTable.of(norms);
    table.requireRows(layer);
    kernels.context().requireNotRecording("find norms of values");
    int count = zones.recentStart() - from;
    if (count <= 0) {
      return;
    }
    int capacity = table.capacity(slot);
    if (store.capacity(slot) < zones.recentStart() || capacity < zones.retrievalTokens()) {
      throw new IllegalStateException("slot " + slot + " has room for norms of " + capacity
          + " values and for " + store.capacity(slot) + " tokens, not for " + zones
          + "; reserve first");
    }
    int lanes = SignCentroids.subspaces(shape.headDim()); // of a value
    KernelLaunch launch = kernels.launch()
        .grid(KernelLaunch.blocks(count, BLOCK / LANES * (LANES / lanes)), shape.kvHeads())
        .block(BLOCK);
    store.args(launch, layer).arg(slot).arg(from).arg(count).arg(from - zones.sinkEnd())
        .arg(table.addresses()).arg(lanes).arg(store.nearValues(layer, slot, zones.recentStart()))
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }
}

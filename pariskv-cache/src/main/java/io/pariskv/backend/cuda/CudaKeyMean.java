package io.pariskv.backend.cuda;

import io.pariskv.index.HashIndex;
import io.pariskv.index.KeyMean;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link KeyMean} on the GPU: {@code key_mean.cu}, two launches. */
final class CudaKeyMean implements KeyMean {
  // Of key_mean.cu.
  private static final int COLUMNS = 64;
  private static final int BLOCK_OF_TOTAL = 128;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;
  private final CudaFunction total;
  private final StageScratch sums;

  CudaKeyMean(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("key_mean_bf16");
    this.f32 = kernels.function("key_mean_f32");
    this.total = kernels.function("key_mean_total");
    this.sums = new StageScratch(kernels, DType.I64); // as many bytes as a double
  }

  @Override
  public void find(KvStore kv, int layer, int slot, TokenZones zones, HashIndex index) {
    KvShape shape = kv.shape();
    CudaKvStore store = CudaKvStore.of(kv);
    CudaZoneTable means = CudaZoneTable.of(index.means());
    index.require(shape);
    means.requireRows(layer);
    KeyMean.requireKeys(zones);
    kernels.context().requireNotRecording("find a mean");
    if (store.capacity(slot) < zones.recentStart() || means.capacity(slot) == 0) {
      throw new IllegalStateException("slot " + slot + " has room for " + store.capacity(slot)
          + " tokens and for means of " + means.capacity(slot) + ", not for " + zones
          + "; reserve first");
    }
    int keys = zones.retrievalTokens();
    int headDim = shape.headDim();
    int parts = KernelLaunch.blocks(keys, PART);
    Buffer scratch = sums.atLeast((long) shape.kvHeads() * parts * headDim);
    KernelLaunch launch = kernels.launch().grid(parts, shape.kvHeads())
        .block(PARTIAL_SUMS * Math.min(COLUMNS, headDim));
    store.args(launch, layer).arg(slot).arg(zones.sinkEnd()).arg(keys).arg(headDim)
        .arg(store.nearKeys(layer, slot, zones.recentStart())).arg(scratch)
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
    kernels.launch().grid(shape.kvHeads()).block(BLOCK_OF_TOTAL).arg(scratch).arg(parts).arg(keys)
        .arg(headDim).arg(layer).arg(shape.layers()).arg(slot).arg(means.addresses()).run(total);
  }
}

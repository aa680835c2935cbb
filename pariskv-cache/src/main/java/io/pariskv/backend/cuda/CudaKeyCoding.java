package io.pariskv.backend.cuda;

import io.pariskv.index.KeyCoding;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * {@link KeyCoding} on the GPU: {@code key_coding.cu}. With offload keys are read where prefill has them in device memory,
 * else from there and from pinned host memory.
 */
final class CudaKeyCoding implements KeyCoding {
  private static final int BLOCK = 256;
  private static final int KEYS_OF_BLOCK = 64;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaKeyCoding(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("key_coding_bf16");
    this.f32 = kernels.function("key_coding_f32");
  }

  @Override
  public void encode(KvStore kv, int layer, int slot, int from, TokenZones zones,
      ProductQuantizer quantizer, ZoneTable codebooks, ZoneTable codes) {
    KvShape shape = kv.shape();
    quantizer.requireCodebooks(shape, codebooks);
    quantizer.requireCodes(shape, codes);
    CudaKvStore store = CudaKvStore.of(kv);
    CudaZoneTable books = CudaZoneTable.of(codebooks);
    CudaZoneTable target = CudaZoneTable.of(codes);
    books.requireRows(layer);
    kernels.context().requireNotRecording("code keys");
    int end = zones.recentStart();
    if (end <= from) {
      return;
    }
    if (store.capacity(slot) < end || target.capacity(slot) < zones.retrievalTokens()
        || books.capacity(slot) == 0) {
      throw new IllegalStateException("slot " + slot + " has room for " + store.capacity(slot)
          + " tokens, for codes of " + target.capacity(slot) + " keys and for codebooks of "
          + books.capacity(slot) + ", not for " + zones + "; reserve first");
    }
    KvOffload.Segment near = store.offloaded() ? near(store.offload(), layer, slot, end) : null;
    KernelLaunch launch = kernels.launch()
        .grid(KernelLaunch.blocks(end - from, KEYS_OF_BLOCK), quantizer.subvectors(),
            shape.kvHeads())
        .block(BLOCK);
    store.args(launch, layer).arg(slot).arg(zones.sinkEnd()).arg(from).arg(end)
        .arg(quantizer.width(shape.headDim())).arg(quantizer.centroids()).arg(books.addresses())
        .arg(target.addresses()).arg(near == null ? 0L : near.keys())
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }

  private static KvOffload.@Nullable Segment near(KvOffload offload, int layer, int slot, int to) {
    KvOffload.Segment near = offload.held(layer, slot, to);
    if (near == null) {
      offload.await();
    }
    return near;
  }
}

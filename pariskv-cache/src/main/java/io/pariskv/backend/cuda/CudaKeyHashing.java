package io.pariskv.backend.cuda;

import io.pariskv.index.HashIndex;
import io.pariskv.index.KeyHashing;
import io.pariskv.index.SimHash;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;

/**
 * {@link KeyHashing} on the GPU: {@code key_hashing.cu}. With offload keys are read where prefill has them in device
 * memory, else from there and from pinned host memory.
 */
final class CudaKeyHashing implements KeyHashing {
  // Of key_hashing.cu.
  private static final int BLOCK = 256;
  private static final int KEYS_OF_BLOCK = 64;
  private static final int STRIDE = KEYS_OF_BLOCK + 1;
  private static final int PLANES_OF_BLOCK = 512;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaKeyHashing(Kernels kernels) {
    int shared = kernels.device().sharedBytes();
    this.kernels = kernels;
    this.bf16 = kernels.function("key_hashing_bf16").allowShared(shared);
    this.f32 = kernels.function("key_hashing_f32").allowShared(shared);
  }

  @Override
  public void encode(KvStore kv, int layer, int slot, int from, TokenZones zones,
      HashIndex index) {
    KvShape shape = kv.shape();
    SimHash hash = index.hash();
    CudaKvStore store = CudaKvStore.of(kv);
    CudaZoneTable means = CudaZoneTable.of(index.means());
    CudaZoneTable signatures = CudaZoneTable.of(index.signatures());
    index.require(shape);
    means.requireRows(layer);
    kernels.context().requireNotRecording("hash keys");
    int first = KeyHashing.first(from, zones);
    int keys = zones.retrievalTokens();
    if (keys <= first) {
      return;
    }
    if (store.capacity(slot) < zones.recentStart() || signatures.capacity(slot) < keys
        || means.capacity(slot) == 0) {
      throw new IllegalStateException("slot " + slot + " has room for " + store.capacity(slot)
          + " tokens, for hashes of " + signatures.capacity(slot) + " keys and for means of "
          + means.capacity(slot) + ", not for " + zones + "; reserve first");
    }
    KernelLaunch launch = kernels.launch()
        .grid(KernelLaunch.blocks(keys - first, KEYS_OF_BLOCK), shape.kvHeads(),
            KernelLaunch.blocks(hash.planes(), PLANES_OF_BLOCK))
        .block(BLOCK).shared(sharedBytes(shape));
    store.args(launch, layer).arg(slot).arg(zones.sinkEnd()).arg(first).arg(keys)
        .arg(shape.headDim()).arg(index.planes()).arg(hash.planes()).arg(hash.stride())
        .arg(means.addresses()).arg(signatures.addresses())
        .arg(store.nearKeys(layer, slot, zones.recentStart()))
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }

  private int sharedBytes(KvShape shape) {
    long bytes = (long) Float.BYTES * STRIDE * shape.headDim();
    int most = kernels.device().sharedBytes();
    if (bytes > most) {
      throw new IllegalArgumentException("head size " + shape.headDim() + " needs " + bytes
          + " bytes of shared memory, and a block has " + most + "; use --backend vector");
    }
    return (int) bytes;
  }
}

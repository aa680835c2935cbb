package io.pariskv.backend.cuda;

import io.pariskv.index.HadamardRotation;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyEncoder;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.DType;

/**
 * {@link KeyEncoder} on the GPU: one launch. With offload keys are read where prefill has them in device memory,
 * else from there and from pinned host memory.
 */
final class CudaKeyEncoder implements KeyEncoder {
  private static final int BLOCK = 512;
  /** As the kernel's registers allow: one wave, so that each block counts as many keys as it can. */
  private static final int BLOCKS_OF_MULTIPROCESSOR = 2;
  /** A block adds its counts to the populations at its end, which must be worth it. */
  private static final int LEAST_KEYS_OF_BLOCK = 128;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  CudaKeyEncoder(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("key_encoder_bf16");
    this.f32 = kernels.function("key_encoder_f32");
  }

  @Override
  public void encode(KvStore kv, int layer, int slot, int from, int to, KeyIndex index,
      int zoneFrom) {
    KvShape shape = kv.shape();
    if (!shape.equals(index.shape())) {
      throw new IllegalArgumentException(
          "the index is for " + index.shape() + ", the store holds " + shape);
    }
    CudaKvStore store = CudaKvStore.of(kv);
    CudaKeyIndex target = CudaKeyIndex.of(index);
    target.requireIndexed(layer);
    kernels.context().requireNotRecording("encode keys"); // the same keys would be counted again
    if (to <= from) {
      return;
    }
    requireRoom("the store", store.capacity(slot), to);
    requireRoom("the index", target.capacity(slot), zoneFrom + to - from);
    int wave = BLOCKS_OF_MULTIPROCESSOR * kernels.device().multiprocessors() / shape.kvHeads();
    int blocks = Math.min(KernelLaunch.blocks(to - from, LEAST_KEYS_OF_BLOCK), Math.max(1, wave));
    KernelLaunch launch = kernels.launch().grid(blocks, shape.kvHeads()).block(BLOCK)
        .shared(index.subspaces() * SignCentroids.COUNT * DType.I32.bytes());
    store.args(launch, layer).arg(slot).arg(from).arg(to - from).arg(target.idTable())
        .arg(target.recordTable()).arg(target.coarse() == Coarse.SCORES ? target.normTable() : 0L)
        .arg(target.fixedTable()).arg(zoneFrom)
        .arg(index.subspaces()).arg(HadamardRotation.scale(shape.headDim()))
        .arg(store.nearKeys(layer, slot, to))
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }

  private static void requireRoom(String name, int capacity, int tokens) {
    if (capacity < tokens) {
      throw new IllegalArgumentException(
          name + " has room for " + capacity + " tokens, not " + tokens);
    }
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.attention.HeadTurn;
import io.pariskv.attention.QkvPreparation;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvAppend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/** {@link QkvPreparation} on the GPU, one launch. Where rows go, {@link CudaKvAppend} says. */
final class CudaQkvPreparation implements QkvPreparation {
  private static final int WARP = 32;
  private static final int BLOCK = 128;

  private final Kernels kernels;
  private final KvAppend append;
  private final CudaFunction bf16;
  private final CudaFunction f32;

  /** @param append takes the chunks of a prompt whose rows have a way of their own to the store */
  CudaQkvPreparation(Kernels kernels, KvAppend append) {
    this.kernels = kernels;
    this.append = append;
    this.bf16 = kernels.function("qkv_preparation_bf16");
    this.f32 = kernels.function("qkv_preparation_f32");
  }

  /** Where the rows of a launch go; addresses are 0 where all are of one sequence. */
  private record Target(CudaKvStore store, int layer, long slots, long positions, int slot,
      int start, boolean stored) {
  }

  @Override
  public void prepare(KvStore kv, int layer, Batch batch, HeadTurn turn, Buffer q, Buffer k,
      Buffer v) {
    turn.require(kv.shape(), batch.rows(), q, k, v);
    launch(new Target(CudaKvStore.of(kv), layer, KernelLaunch.address(batch.slots()),
        KernelLaunch.address(batch.positions()), 0, 0, true), turn, q, k, v);
  }

  /** {@inheritDoc} With offload keys are turned in place, and a second part takes the rows. */
  @Override
  public void prepareChunk(KvStore kv, int layer, int slot, int start, HeadTurn turn, Buffer q,
      Buffer k, Buffer v) {
    CudaKvStore store = CudaKvStore.of(kv);
    turn.require(kv.shape(), k.shape().extent(0), q, k, v);
    store.requireRoom(slot, start, k.shape().extent(0));
    launch(new Target(store, layer, 0, 0, slot, start, !store.offloaded()), turn, q, k, v);
    if (store.offloaded()) {
      append.appendChunk(kv, layer, slot, start, k, v);
    }
  }

  private void launch(Target to, HeadTurn turn, Buffer q, Buffer k, Buffer v) {
    KvShape shape = to.store.shape();
    int rows = q.shape().extent(0);
    if (rows == 0) {
      return;
    }
    long heads = shape.heads() + (to.stored ? 2L : 1L) * shape.kvHeads();
    KernelLaunch launch = kernels.launch().overlapped()
        .grid(KernelLaunch.blocks(rows * heads, BLOCK / WARP)).block(BLOCK);
    to.store.args(launch, to.layer).arg(to.slots).arg(to.positions).arg(to.slot).arg(to.start)
        .arg(to.store.saved()).arg(q).arg(k).arg(v).arg(address(turn.qNorm()))
        .arg(address(turn.kNorm()))
        .arg(turn.epsilon()).arg(turn.angles()).arg(rows).arg(shape.heads()).arg(shape.kvHeads())
        .arg(shape.headDim()).arg(to.stored ? 1 : 0)
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }

  private static long address(@Nullable Buffer weights) {
    return weights == null ? 0 : KernelLaunch.address(weights);
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * With offload: rows that steps have appended to device memory alone, until they are brought to the slabs in host memory,
 * those of all layers at once. A kernel ends when its stores have arrived, and over the bus each layer would wait for that.
 *
 * <p>For each sequence the device knows from which position on rows may be missing in the slabs; {@code kv_rows.cuh} says
 * what holds.
 */
final class DeferredRows {
  private static final int BLOCK = 256;
  /** Enough for a row of every layer of a large model in one turn. */
  private static final int BLOCKS = 32;
  /** Keeps the length as it is. */
  private static final int AS_IT_IS = -1;

  private final Kernels kernels;
  private final CudaKvStore store;
  private final CudaFunction save;
  private final Buffer saved;
  /** Scratch of the kernel, {@code [slots] i32}. */
  private final Buffer arrived;

  /** @param memory owns what this keeps */
  DeferredRows(Kernels kernels, CudaKvStore store, Allocator memory, int slots) {
    this.kernels = kernels;
    this.store = store;
    this.save = kernels.function("kv_save");
    this.saved = memory.allocate(DType.I32, slots);
    this.arrived = memory.allocate(DType.I32, slots);
  }

  /** For each slot the position before which the slabs have all rows, {@code [slots] i32}. */
  Buffer saved() {
    return saved;
  }

  /** Brings the rows of a batch; may be part of a recorded step. */
  void bring(Batch batch) {
    launch(batch.rows(), KernelLaunch.address(batch.slots()), 0, AS_IT_IS);
  }

  /** Brings the rows of one sequence. */
  void bring(int slot) {
    launch(1, 0, slot, AS_IT_IS);
  }

  /** The same before the sequence becomes {@code length} tokens long: what is beyond is forgotten, or not appended yet. */
  void bring(int slot, int length) {
    launch(1, 0, slot, length);
  }

  private void launch(int rows, long slots, int slot, int length) {
    KernelLaunch launch = kernels.launch().overlapped().grid(BLOCKS, rows).block(BLOCK);
    store.args(launch, 0).arg(slots).arg(slot).arg(length).arg(saved).arg(arrived)
        .arg(store.shape().kvHeads())
        .arg(store.shape().headDim() * store.shape().dtype().bytes()).run(save);
  }
}

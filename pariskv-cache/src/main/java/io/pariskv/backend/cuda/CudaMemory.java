package io.pariskv.backend.cuda;

import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;

/** What the CUDA backend takes for K and V, before anything is allocated. */
final class CudaMemory {
  /** Matmul workspace, partial attention, sampling, and the blocks that allocations are rounded to. */
  private static final long WORKSPACE = 256L << 20;

  private CudaMemory() {
  }

  static MemoryPlan planKv(MemoryPlan plan, KvShape shape, int slots, int tokens, int chunk,
      KvPlacement at) {
    long rows = slots * shape.bytes(tokens);
    if (at == KvPlacement.DEVICE) {
      return plan.with("K and V", rows).with("workspace", WORKSPACE);
    }
    long resident = (long) slots * shape.layers() * shape.tokenBytes() * CudaKvStore.RESIDENT_ROWS;
    return plan.with("K and V", rows, MemoryPlace.PINNED)
        .with("first and last rows", resident)
        .with("two layers in prefill", KvOffload.bytes(shape, tokens, chunk))
        .with("workspace", WORKSPACE);
  }
}

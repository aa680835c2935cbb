package io.pariskv.kv;

import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;

/**
 * The tables by which kernels of a GPU find slabs. They are there from the start, for every slot, and have the same size for
 * every context: with many slots and short sequences they are most of what an index takes.
 */
public final class AddressTables {
  /** Slabs that a table has place for in each layer of a slot: {@code MAX_SLABS} of kv_rows.cuh. */
  public static final int MAX_SLABS = 2048;

  private AddressTables() {
  }

  /** Bytes of {@code tables} tables {@code [slots][layers][MAX_SLABS] u64}. */
  public static long bytes(KvShape shape, int slots, int tables) {
    return (long) tables * slots * shape.layers() * MAX_SLABS * Long.BYTES;
  }

  /** {@code plan} with the tables of an index, if stages work on a GPU; in host memory there are none. */
  public static MemoryPlan planIndex(MemoryPlan plan, KvShape shape, int slots, int tables) {
    return plan.work() == MemoryPlace.GPU
        ? plan.with("index tables", bytes(shape, slots, tables))
        : plan;
  }
}

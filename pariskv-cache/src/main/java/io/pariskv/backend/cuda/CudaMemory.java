package io.pariskv.backend.cuda;

import io.pariskv.backend.host.HostMemory;
import io.pariskv.kv.AddressTables;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;

/** What the CUDA backend takes for K and V, before anything is allocated, and what it leaves to others. */
final class CudaMemory {
  /** Least of the host's memory that is left free. */
  private static final long HOST_ROOM = 2L << 30;

  /** Least of the GPU's memory that is left free. */
  private static final long GPU_ROOM = 256L << 20;

  /**
   * Matmul workspace, partial attention, sampling, what a fused retrieval counts and keeps by tiles,
   * and the blocks that allocations are rounded to.
   */
  static final long WORKSPACE = 256L << 20;

  /** And of every slot: a sequence's K and V, and what a method keeps of them, end in blocks of their own. */
  private static final long SLOT_BLOCKS = 2 * DeviceAllocator.BLOCK;

  /** Of a slot, beside its addresses of slabs: that of resident rows, zones, and what appending needs to know. */
  private static final int SLOT_BYTES = Long.BYTES + Integer.BYTES * (KvStore.ZONE_FIELDS + 2);

  private CudaMemory() {
  }

  /** What is free now, and the room that a plan leaves. */
  static AvailableMemory available(CudaDriver.MemoryInfo gpu) {
    return new AvailableMemory(HostMemory.availableBytes(), gpu.freeBytes(),
        hostRoom(HostMemory.totalBytes()), gpuRoom(gpu.totalBytes()));
  }

  /**
   * Of {@code total} bytes of host memory those that stay free: 4%, and 2 GiB at least. Pinned memory can
   * neither be swapped nor taken back, so that when it is all gone Linux ends processes. The room is for the
   * system's page tables and buffers, for what others start, and for a Java heap that grows to its limit.
   */
  static long hostRoom(long total) {
    return Math.max(HOST_ROOM, total / 25);
  }

  /**
   * Host memory that one more slab may be pinned in: all but a quarter of the room. What a plan promised is there
   * even if half of the room is used by then; who pins without a plan still leaves the system something.
   */
  static long pinnableBytes() {
    return Math.max(0, HostMemory.availableBytes() - hostRoom(HostMemory.totalBytes()) / 4);
  }

  /**
   * Of {@code total} bytes of the GPU's memory those that stay free: 1/128, and 256 MiB at least. CUDA takes
   * more after it was asked how much is free: code of kernels, ours and cuBLASLt's, and their local memory when
   * they are first launched, graphs, and whole pages of 2 MiB.
   */
  static long gpuRoom(long total) {
    return Math.max(GPU_ROOM, total / 128);
  }

  static MemoryPlan planKv(MemoryPlan plan, KvShape shape, int slots, int tokens, int chunk,
      KvPlacement at) {
    long rows = slots * shape.bytes(tokens);
    long tables = AddressTables.bytes(shape, slots, 2) + (long) slots * SLOT_BYTES;
    long workspace = WORKSPACE + slots * SLOT_BLOCKS;
    if (at == KvPlacement.DEVICE) {
      return plan.with("K and V", rows).with("K and V tables", tables).with("workspace", workspace);
    }
    long resident = (long) slots * shape.layers() * shape.tokenBytes() * CudaKvStore.RESIDENT_ROWS;
    return plan.with("K and V", rows, MemoryPlace.PINNED)
        .with("first and last rows", resident)
        .with("two layers in prefill", KvOffload.bytes(shape, tokens, chunk))
        .with("K and V tables", tables)
        .with("workspace", workspace);
  }
}

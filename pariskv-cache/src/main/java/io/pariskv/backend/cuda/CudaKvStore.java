package io.pariskv.backend.cuda;

import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;

/**
 * K and V of several sequences for kernels. The layout is in {@code pariskv.cuh}: slabs of tokens, in device
 * memory or, with offload, in pinned host memory beside a resident copy of the first and the last tokens.
 */
final class CudaKvStore implements KvStore {
  /** Slabs that the table of a sequence has room for: {@code MAX_SLABS} of pariskv.cuh. */
  static final int MAX_SLABS = 2048;

  /** Rows of the resident copy: {@code RESIDENT_ROWS} of pariskv.cuh. */
  static final int RESIDENT_ROWS = 128 + 2048;

  private final KvShape shape;
  private final int slots;

  CudaKvStore(Kernels kernels, KvShape shape, int slots, boolean offload) {
    this.shape = shape;
    this.slots = slots;
  }

  /**
   * The store behind {@code kv}.
   *
   * @throws IllegalArgumentException if another kind of backend made it
   */
  static CudaKvStore of(KvStore kv) {
    if (kv instanceof CudaKvStore cuda) {
      return cuda;
    }
    throw new IllegalArgumentException("a CUDA stage cannot read a "
        + kv.getClass().getSimpleName()
        + "; create the store with the backend that runs the stages");
  }

  /** Whether the slabs are in host memory. */
  boolean offloaded() {
    throw missing();
  }

  /** Adds the five arguments that every kernel begins with which reads K or V; see pariskv.cuh. */
  KernelLaunch args(KernelLaunch launch, int layer) {
    throw missing();
  }

  /** Prefill with offload: the rows of the chunk at hand and of all before it, as slabs in device memory. */
  KvOffload offload() {
    throw missing();
  }

  /** The slab of a sequence: an address that kernels and copies can use. */
  long slab(int layer, int slot, boolean values, int slab) {
    throw missing();
  }

  /** Device address of the slab addresses of one layer of a sequence, {@code [2][MAX_SLABS] u64}. */
  long slabTable(int layer, int slot) {
    throw missing();
  }

  @Override
  public KvShape shape() {
    return shape;
  }

  @Override
  public int slots() {
    return slots;
  }

  @Override
  public int open() {
    throw missing();
  }

  @Override
  public void release(int slot) {
    throw missing();
  }

  @Override
  public void reserve(int slot, int tokens) {
    throw missing();
  }

  @Override
  public int capacity(int slot) {
    throw missing();
  }

  @Override
  public Buffer zones() {
    throw missing();
  }

  @Override
  public void setZones(int slot, TokenZones zones) {
    throw missing();
  }

  @Override
  public void read(int layer, int slot, int position, float[] k, float[] v) {
    throw missing();
  }

  @Override
  public long bytes() {
    throw missing();
  }

  @Override
  public void close() {
    throw missing();
  }

  private static UnsupportedOperationException missing() {
    return new UnsupportedOperationException("the CUDA store for K and V");
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.KeySummary;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;

/** Summaries of keys in device memory; the layout is in {@code pariskv.cuh}. */
final class CudaKeyIndex implements KeyIndex {
  private final KvShape shape;

  CudaKeyIndex(Kernels kernels, KvShape shape, int slots) {
    this.shape = shape;
  }

  /**
   * The index behind {@code index}.
   *
   * @throws IllegalArgumentException if another kind of backend made it
   */
  static CudaKeyIndex of(KeyIndex index) {
    if (index instanceof CudaKeyIndex cuda) {
      return cuda;
    }
    throw new IllegalArgumentException("a CUDA stage cannot read a "
        + index.getClass().getSimpleName()
        + "; create the index with the backend that runs the stages");
  }

  /** Device address of the addresses of the id slabs, {@code [slots][layers][MAX_SLABS] u64}. */
  long idTable() {
    throw missing();
  }

  /** Device address of the addresses of the record slabs, {@code [slots][layers][MAX_SLABS] u64}. */
  long recordTable() {
    throw missing();
  }

  /** Device address of the addresses of the populations, {@code [slots][layers] u64}. */
  long populationTable() {
    throw missing();
  }

  /** Host copy of the budget last set, for checks of shapes outside a step. */
  int budget(int slot, int field) {
    throw missing();
  }

  @Override
  public KvShape shape() {
    return shape;
  }

  @Override
  public void reserve(int slot, int tokens) {
    throw missing();
  }

  @Override
  public void release(int slot) {
    throw missing();
  }

  @Override
  public Buffer budgets() {
    throw missing();
  }

  @Override
  public void setBudget(int slot, int[] budget) {
    throw missing();
  }

  @Override
  public Buffer populations(int layer, int slot) {
    throw missing();
  }

  @Override
  public KeySummary read(int layer, int slot, int kvHead, int zonePosition) {
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
    return new UnsupportedOperationException("the CUDA index");
  }
}

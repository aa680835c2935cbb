package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.kv.Selection;
import io.pariskv.memory.DType;

/** Looks up a step's selected rows in the cache of rows, in one launch: {@code row_cache.cu}. */
final class CudaRowLookup {
  private static final int BLOCK = 1024;
  private static final String KERNEL = "row_cache";
  /** Most buckets of a block's table of places. */
  static final int MOST_BUCKETS = 4096;

  private final Kernels kernels;
  private final CudaFunction function;
  private final StageScratch sources;
  private final StageScratch misses;

  CudaRowLookup(Kernels kernels) {
    this.kernels = kernels;
    int most = mostRows(kernels);
    this.function = kernels.function(KERNEL).allowShared(sharedBytes(most, most));
    this.sources = new StageScratch(kernels, DType.I32);
    this.misses = new StageScratch(kernels, DType.I32);
  }

  private static int sharedBytes(int capacity, int rows) {
    int buckets = Math.min(Integer.highestOneBit(rows), MOST_BUCKETS);
    return 4 * buckets + 6 * rows + 2 * capacity + 8 * Math.ceilDiv(rows, 32);
  }

  /**
   * Most rows of a cache whose places a block can look up on this GPU, also if a step selects as many: {@link
   * RowCacheSize#MOST}, or what its shared memory has room for.
   */
  static int mostRows(Kernels kernels) {
    int shared = kernels.function(KERNEL).mostShared();
    int rows = RowCacheSize.MOST;
    while (sharedBytes(rows, rows) > shared) {
      rows--;
    }
    return rows;
  }

  /**
   * Where a layer's selected rows are. Misses have places in the cache from here on, so the launch that follows must
   * fill them.
   *
   * @param selection of this layer and batch
   * @throws IllegalArgumentException if more can be selected than there are places
   */
  RowSources lookUp(CudaKvStore store, CudaRowCache cache, int layer, Batch batch,
      Selection selection) {
    KvShape shape = store.shape();
    int capacity = selection.capacity();
    if (capacity > cache.rows()) {
      throw new IllegalArgumentException("up to " + capacity
          + " keys can be selected, and a cache of " + cache.rows()
          + " rows has no place for them; make the store with more");
    }
    long heads = (long) batch.rows() * shape.kvHeads();
    RowSources found = new RowSources(sources.atLeast(2 * heads * capacity), misses.atLeast(heads),
        cache.rowTable(), cache.rows());
    kernels.launch().grid(shape.kvHeads(), batch.rows()).block(BLOCK)
        .shared(sharedBytes(capacity, cache.rows())).overlapped().arg(store.zones()).arg(layer)
        .arg(shape.layers()).arg(batch.slots()).arg(selection.positions()).arg(selection.counts())
        .arg(capacity).arg(cache.stateTable()).arg(cache.rows()).arg(cache.counts())
        .arg(found.sources()).arg(found.misses()).run(function);
    return found;
  }
}

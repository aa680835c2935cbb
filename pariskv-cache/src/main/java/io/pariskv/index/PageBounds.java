package io.pariskv.index;

import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;

/**
 * Bounds of pages of neighbouring keys: for every coordinate the smallest and the largest number of the page's keys,
 * as stored (after RoPE). Quest (arXiv 2406.10774), section 3.2.
 *
 * <p>A row of the table is {@code [2][headDim]} in the store's type: the smallest, then the largest. Keys are taken
 * in the order of their positions, a number replaces one that it is smaller (or larger) than, and none to begin
 * with; NaN is neither. Exact: all backends give equal bits. The last page of a zone may be partial.
 */
public interface PageBounds {
  /**
   * Finds the bounds of the pages of a retrieval zone from number {@code firstPage} on.
   *
   * @param kv the keys
   * @param slot sequence, the same in {@code kv} and {@code bounds}
   * @param zones where the retrieval zone begins and ends
   * @param bounds where to, in the store's type and twice a head wide; room must be reserved
   */
  void update(KvStore kv, int layer, int slot, TokenZones zones, int firstPage, ZoneTable bounds);

  /** Pages of {@code tokens} keys. */
  static int pages(int tokens, int pageSize) {
    return (int) ((tokens + (long) pageSize - 1) / pageSize);
  }

  /** Refuses a table of other rows than this stage writes; the message names both. */
  static void require(KvStore kv, ZoneTable bounds) {
    int width = 2 * kv.shape().headDim();
    if (!bounds.shape().sameRows(kv.shape()) || bounds.width() != width
        || bounds.dtype() != kv.shape().dtype()) {
      throw new IllegalArgumentException("bounds must be rows of " + width + " "
          + kv.shape().dtype() + " for " + kv.shape() + ", not of " + bounds.width() + " "
          + bounds.dtype() + " for " + bounds.shape());
    }
  }
}

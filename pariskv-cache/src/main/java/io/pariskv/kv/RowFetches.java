package io.pariskv.kv;

/**
 * Where decode steps with a cache of rows had selected rows from, counted on the GPU. A row is a key and its
 * value. Rows that are on the GPU anyway, since they are among the first or the last tokens, are not counted.
 *
 * @param hits rows that were in the cache
 * @param misses rows that came over the bus, and are in the cache from then on
 */
public record RowFetches(long hits, long misses) {
  /** Nothing was selected. */
  public static final RowFetches NONE = new RowFetches(0, 0);

  /** The share of hits, 0 if there was nothing. */
  public double hitRate() {
    return hits + misses == 0 ? 0 : (double) hits / (hits + misses);
  }

  /** These and others. */
  public RowFetches plus(RowFetches other) {
    return new RowFetches(hits + other.hits, misses + other.misses);
  }

  /** What was added since {@code before}. */
  public RowFetches since(RowFetches before) {
    return new RowFetches(hits - before.hits, misses - before.misses);
  }
}

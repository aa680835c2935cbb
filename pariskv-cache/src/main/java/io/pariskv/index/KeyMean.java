package io.pariskv.index;

import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;

/**
 * Finds the mean of the keys of a retrieval zone, from which they are hashed. Keys of a model lie in a narrow cone
 * around it; seen from there they differ, and from the origin they would all collide or none. Subtracting one
 * vector from all keys leaves attention as it is. MagicPIG (arXiv 2410.16179), section 4.2.
 *
 * <p>In double: of the keys of every {@link #PART} zone positions, 16 partial sums, the keys with {@code i mod 16 = p} in order of {@code
 * i}, added by halving, {@code x[p] += x[p + 8]}, then 4, 2, 1. These sums are added in order, starting from the
 * first, and {@code mean = (float) (sum / keys)}. Exact: all backends give equal bits. Cost: all keys are read once.
 */
public interface KeyMean {
  /** Neighbouring keys that are added up first. */
  int PART = 1_024;

  /** Partial sums of a coordinate. */
  int PARTIAL_SUMS = 16;

  /**
   * @param slot sequence, the same in {@code kv} and {@code index}
   * @param zones where the retrieval zone begins and ends; it has at least one key
   * @param index out, the means; room for one key must be reserved there
   */
  void find(KvStore kv, int layer, int slot, TokenZones zones, HashIndex index);

  /** Refuses an empty zone, which has no mean. */
  static void requireKeys(TokenZones zones) {
    if (zones.retrievalTokens() < 1) {
      throw new IllegalArgumentException("a mean is found from at least 1 key, not of " + zones);
    }
  }
}

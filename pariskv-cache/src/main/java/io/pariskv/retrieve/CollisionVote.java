package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * Counts, for every key, how often its centroid is among the query's best: {@code votes[t]} is the sum
 * over subspaces of the tier weight of key {@code t}'s centroid, so at most {@code 6 * subspaces}.
 *
 * <p>Exact: all backends return equal votes. Cost: {@code rows * kvHeads * subspaces * tokens} byte
 * look-ups.
 */
public interface CollisionVote {
  /**
   * @param index centroid ids; the number of keys is the budget's
   * @param tiers {@code [rows][kvHeads][subspaces][256] u8} from {@link CentroidTiers}
   * @param votes out, {@code [rows][kvHeads][capacity] u8}; beyond the number of keys undefined
   */
  void vote(KeyIndex index, int layer, Batch batch, Buffer tiers, Buffer votes);
}

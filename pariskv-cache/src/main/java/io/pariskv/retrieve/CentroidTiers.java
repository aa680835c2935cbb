package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * Ranks the 256 centroids of each subspace by their score against the query and gives each a tier
 * weight, 6 for the best and 0 for most.
 *
 * <p>Scores are {@link io.pariskv.index.SignCentroids#score}, best first, ties by lower id; a NaN score
 * counts as negative infinity, negative zero as zero. Walking that order, a centroid's weight is 6 while
 * the number of keys in the centroids <em>before</em> it is below the budget's limit 6, else 5 while
 * below limit 5, and so on; 0 from limit 1 on. Exact. ParisKV, section 4.2 (collision counting with
 * tiers).
 */
public interface CentroidTiers {
  /**
   * @param index populations and budgets
   * @param blocks {@code [rows][kvHeads][headDim] f32} from {@link QueryBlocks}
   * @param tiers out, {@code [rows][kvHeads][subspaces][256] u8}, each 0 to 6; undefined
   *     for a sequence whose retrieval zone is empty
   */
  void rank(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer tiers);
}

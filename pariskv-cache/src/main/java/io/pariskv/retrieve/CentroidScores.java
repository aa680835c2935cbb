package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * The scores of all centroids of a query in six bits, for an index of {@link io.pariskv.index.Coarse#SCORES}: those of
 * four subspaces add up in a byte, and more bits find no more of the best keys.
 *
 * <p>Scores are {@link io.pariskv.index.SignCentroids#score}. With {@code largest} the largest of all subspaces of a
 * KV head and {@code inverse = LEVELS / largest}, a float division, the byte is {@code BIAS + rint(score * inverse)}, a
 * float product, halves to even: 1 to 63, since the scores of opposite signs are opposite. All are {@code BIAS} if
 * {@code largest} is below {@link #SMALLEST}, infinite or NaN. Exact.
 */
public interface CentroidScores {
  /** What the largest score becomes. */
  int LEVELS = 31;

  /** What a score of 0 becomes. */
  int BIAS = 32;

  /** The smallest {@code largest} that is of use; its inverse is finite. */
  float SMALLEST = 0x1p-100f;

  /**
   * @param index geometry and budgets
   * @param blocks {@code [rows][kvHeads][headDim] f32} from {@link QueryBlocks}
   * @param table out, {@code [rows][kvHeads][subspaces][256] u8}; undefined for a sequence whose retrieval
   *     zone is empty
   */
  void quantise(KeyIndex index, Batch batch, Buffer blocks, Buffer table);
}

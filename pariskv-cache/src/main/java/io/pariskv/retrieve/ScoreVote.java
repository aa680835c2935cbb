package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * The coarse score of every key as a byte on a logarithmic scale, for an index of {@link
 * io.pariskv.index.Coarse#SCORES}.
 *
 * <p>{@code s} is the sum over subspaces of {@code table[centroid] - BIAS} (see {@link CentroidScores}), a whole
 * number, and {@code x = s * norm} one float product. The vote is 0 if {@code s <= 0}, else {@code clamp((bits(x) -
 * floor) >> 18, 0, 255)} with the {@linkplain KeyIndex#floors floor} of the KV head: 32 steps a factor of two, over
 * eight of them. So {@link BucketTopK} selects by a histogram of upper bits. Exact.
 */
public interface ScoreVote {
  /**
   * @param index centroid ids, norms and floors; the number of keys is the budget's
   * @param table {@code [rows][kvHeads][subspaces][256] u8} from {@link CentroidScores}
   * @param votes out, {@code [rows][kvHeads][capacity] u8}; beyond the number of keys undefined
   */
  void vote(KeyIndex index, int layer, Batch batch, Buffer table, Buffer votes);
}

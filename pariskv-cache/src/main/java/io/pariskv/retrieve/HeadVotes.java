package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * The votes of a group's heads as one vote a key, for {@link Grouping#PER_HEAD}.
 *
 * <p>Votes of different heads have no common scale, so a head's are measured from its cut: the largest vote that at
 * least {@code min(candidates, keys)} keys have or exceed. A key's vote is the largest over the heads of {@code
 * clamp(128 + vote - cut, 0, 255)}: at 128 it would just be a candidate of one head alone. Exact.
 */
public interface HeadVotes {
  /**
   * @param index budgets
   * @param votes {@code [group][rows][kvHeads][capacity] u8} from {@link CollisionVote} or {@link ScoreVote}
   * @param combined out, {@code [rows][kvHeads][capacity] u8}; beyond the number of keys undefined
   */
  void combine(KeyIndex index, Batch batch, Buffer votes, Buffer combined);
}

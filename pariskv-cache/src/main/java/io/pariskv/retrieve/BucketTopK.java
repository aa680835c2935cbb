package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * Takes the keys with most votes as candidates: those above a threshold, and at the threshold the
 * lowest positions until the budget's number is reached. Positions come out ascending. Exact.
 */
public interface BucketTopK {
  /**
   * @param index budgets: {@code min(candidates, keys)} positions are taken
   * @param votes {@code [rows][kvHeads][capacity] u8} from {@link CollisionVote} or {@link ScoreVote}
   * @param candidates out, {@code [rows][kvHeads][candidateCapacity] i32} zone positions
   */
  void select(KeyIndex index, Batch batch, Buffer votes, Buffer candidates);
}

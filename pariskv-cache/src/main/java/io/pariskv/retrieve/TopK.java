package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;

/**
 * Selects the {@code k} candidates with the best scores, ties by lower position; positions come out
 * ascending. A NaN score counts as negative infinity, negative zero as zero. Exact.
 */
public interface TopK {
  /**
   * @param index budgets: {@code min(k, candidates, keys)} positions are selected
   * @param candidates {@code [rows][kvHeads][candidateCapacity] i32}, ascending
   * @param scores {@code [rows][kvHeads][candidateCapacity] f32} from {@link Rerank}
   * @param selection out
   */
  void select(KeyIndex index, Batch batch, Buffer candidates, Buffer scores, Selection selection);
}

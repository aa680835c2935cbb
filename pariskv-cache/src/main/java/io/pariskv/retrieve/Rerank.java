package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;

/**
 * Estimates {@code q.k} of every candidate from its 4-bit codes: {@code sum_b w_b * sum_j c_bj * p_bj},
 * where {@code c_bj} is the {@linkplain io.pariskv.index.MagnitudeLevels#codeValues value of the code}.
 *
 * <p>Each block's inner sum starts at 0 and takes one fused multiply-add for {@code j = 0 .. 7} in
 * order; it is then multiplied by the weight; the {@code B} products are added pairwise by halving:
 * {@code x[b] += x[b + B/2]}, then quarters, down to one. Exact: all backends give equal bits.
 * RaBitQ-style estimate, ParisKV section 4.3.
 */
public interface Rerank {
  /**
   * @param index codes and weights; budgets give the number of candidates
   * @param blocks {@code [rows][kvHeads][headDim] f32} from {@link QueryBlocks}
   * @param candidates {@code [rows][kvHeads][candidateCapacity] i32} from {@link BucketTopK}
   * @param scores out, {@code [rows][kvHeads][candidateCapacity] f32}
   */
  void score(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer candidates,
      Buffer scores);
}

package io.pariskv.attention;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * {@link DecodeAttention} where every query head has keys of its own: one softmax over the sink, the keys
 * selected for the head and the recent tokens.
 *
 * <p>A selected key may have a log-weight, which is added to its score {@code q.k / sqrt(headDim)}; the
 * sink and the recent tokens have none. For keys sampled with probability {@code u} it is {@code -ln u}
 * (MagicPIG, arXiv 2410.16179, section 4.3). One softmax over all is what two, merged by log-sum-exp, would give.
 *
 * <p>Zones, sliding windows and the agreement of backends are those of {@link DecodeAttention}. Heads of a
 * group may have the same keys, and the rows are then read once a head: {@code attended * 2 * headDim}
 * numbers a row and query head.
 */
public interface PerHeadAttention {
  /**
   * @param batch the rows; their zones already count the new token
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param selection keys of the retrieval zone for each query head, each key at most once, in any order
   * @param logWeights {@code [rows][heads][capacity] f32} natural logarithms in the order of the positions, negative
   *     infinity for no weight; beyond the count undefined. Null if all are 0
   * @param out {@code [rows][heads][headDim] f32}
   */
  void attend(KvStore kv, int layer, Batch batch, Buffer q, Selection selection,
      @Nullable Buffer logWeights, Buffer out);
}

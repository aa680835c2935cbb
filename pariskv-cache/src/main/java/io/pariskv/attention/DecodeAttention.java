package io.pariskv.attention;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Attention of one new token of each sequence: one softmax of {@code q.k / sqrt(headDim)} over the
 * sink, the selected keys and the recent tokens, and the weighted sum of their values. ParisKV,
 * section 4.4.
 *
 * <p>Which tokens: the zones of the row's slot say. Without a selection the retrieval zone is skipped,
 * so over {@linkplain io.pariskv.kv.TokenZones#dense dense} zones this is full attention. A layer with
 * a sliding window attends the last {@code window} tokens, whatever the zones.
 *
 * <p>K and V are taken as stored; products and sums in f32 or better. Backends agree within 2e-5 of the
 * values' scale; with keys so large that {@code sum_i |q_i k_i| / sqrt(headDim)} is above 20, within 1e-6
 * of that sum, because a score's rounding error is its weight's relative error. Reads {@code attended *
 * 2 * headDim} numbers a row and KV head.
 */
public interface DecodeAttention {
  /**
   * @param batch the rows; their zones already count the new token
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param selection keys of the retrieval zone, or null for none
   * @param out {@code [rows][heads][headDim] f32}
   */
  default void attend(KvStore kv, int layer, Batch batch, Buffer q, @Nullable Selection selection,
      Buffer out) {
    attend(kv, layer, batch, q, kv.shape().window(layer), selection, out);
  }

  /**
   * Attends every token, whatever the zones; in a layer with a sliding window its last {@code window} tokens.
   *
   * @param batch the rows; their zones already count the new token
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param out {@code [rows][heads][headDim] f32}
   */
  default void attendAll(KvStore kv, int layer, Batch batch, Buffer q, Buffer out) {
    int window = kv.shape().window(layer);
    attend(kv, layer, batch, q, window > 0 ? window : Integer.MAX_VALUE, null, out);
  }

  /**
   * What both others are.
   *
   * @param batch the rows; their zones already count the new token
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param window attends the last {@code window} tokens, whatever the zones; 0 if the zones say which
   * @param selection keys of the retrieval zone, or null for none
   * @param out {@code [rows][heads][headDim] f32}
   */
  void attend(KvStore kv, int layer, Batch batch, Buffer q, int window,
      @Nullable Selection selection, Buffer out);
}

package io.pariskv.layer;

import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * Chooses the next token of each row from its logits.
 *
 * <p>In the order of Hugging Face transformers:
 *
 * <ol>
 * <li>The repetition penalty divides positive and multiplies negative logits of tokens already seen, in
 * f32 (Keskar et al. 2019).
 * <li>Forbidden tokens get a logit of negative infinity: a constraint on the answer leaves at least one other.
 * <li>Temperature 0 takes the largest logit, ties by lower id. Otherwise probabilities are the softmax of
 * the logits divided by the temperature.
 * <li>The {@code topK} largest logits are kept, ties by lower id, and their probabilities renormalised.
 * <li>Of those the shortest prefix of the most probable whose sum reaches {@code topP}, at least one; all
 * from 1 on.
 * <li>Of those the ones of at least {@code minP} times the largest probability.
 * <li>The remaining are renormalised and drawn from: in the same order, largest first, the first whose
 * running sum exceeds a uniform number that is a function of seed and position alone ({@link #uniform}).
 * So a run is reproducible on every backend and does not depend on its batch.
 * <li>The chosen token is marked as seen.
 * </ol>
 *
 * <p>Probabilities and sums are in double or finer; backends choose the same token but where the uniform
 * number is within rounding of a border. A NaN logit counts as negative infinity, negative zero as zero.
 */
public interface TokenSampler {

  /**
   * Chooses, in stream order.
   *
   * @param logits {@code [rows][vocabulary] f32}; stay as they are
   * @param batch the token chosen will stand at {@code positions[r] + 1}
   * @param how {@code [rows]}
   * @param tokens out, {@code [rows] i32}
   */
  void sample(Buffer logits, Batch batch, SamplerRows how, Buffer tokens);

  /** Refuses buffers of other shapes, with both. */
  static void require(Buffer logits, Batch batch, SamplerRows how, Buffer tokens) {
    int rows = batch.rows();
    int vocabulary = logits.shape().extent(1);
    logits.require("logits", DType.F32, rows, vocabulary);
    how.require(rows, vocabulary);
    tokens.require("chosen tokens", DType.I32, rows);
  }

  /** The uniform number in {@code [0, 1)} with 24 bits that position {@code position} draws. */
  static float uniform(long seed, int position) {
    long z = seed + 0x9e3779b97f4a7c15L * (position + 1L);
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    z ^= z >>> 31;
    return (z >>> 40) * 0x1p-24f;
  }
}

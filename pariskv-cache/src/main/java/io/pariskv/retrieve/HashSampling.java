package io.pariskv.retrieve;

import io.pariskv.index.HashIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;

/**
 * Samples the keys of the retrieval zone whose hashes collide with the query's, each query head for itself. MagicPIG (arXiv
 * 2410.16179), section 4.
 *
 * <p>The query is hashed as {@link io.pariskv.index.KeyHashing} hashes keys, but not measured from the mean. A key is
 * sampled if in at least two tables all bits are the query's: a random choice, over the planes, that prefers keys in
 * the query's direction. How many are sampled is random too.
 *
 * <p>The log-weight {@code -ln u} makes up for the preference, {@code u} being the probability with which such a key is
 * sampled; the sums of a softmax over sampled keys are then, over the planes, those over all keys, up to {@code 0.0001} in
 * {@code u}. With {@code k'} the key minus the mean, in float, and inner products as {@link KeyScores} adds them, it
 * is {@link io.pariskv.index.SimHash#logWeight(float[], float, float, float)} of {@code q.k'}, {@code q.q} and {@code k'.k'}.
 *
 * <p>Exact: all backends give equal positions and equal bits of weights. Cost: a bit a plane of every key, {@code 12 /
 * 32} operations a table, key and query head with 10 bits, and the sampled keys are read once.
 */
public interface HashSampling {
  /**
   * @param kv the keys; its zones say which
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param index hashes of these keys
   * @param sampled out, for each query head, positions ascending; its capacity is at least the keys of the longest zone
   * @param logWeights out, {@code [rows][heads][capacity] f32}, in the order of the positions; beyond the count undefined
   */
  void sample(KvStore kv, int layer, Batch batch, Buffer q, HashIndex index, Selection sampled,
      Buffer logWeights);
}

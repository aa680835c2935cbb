package io.pariskv.index;

import io.pariskv.kv.KvStore;

/**
 * Finds what keys are measured from in an index of {@link Coarse#SCORES}: their mean, and how far they are
 * from it. Subtracting one vector from all keys leaves attention as it is and makes what differs between
 * them visible.
 *
 * <p>The centre of a KV head is found once, from the first {@link #KEYS} keys of its zone, and stays, so
 * summaries never go stale. Sums are whole numbers, so no order changes them:
 *
 * <pre>
 * f(x)    = rint(clamp(x, -2^40, 2^40) * 2^16)             as a 64-bit integer, halves to even
 * mean_j  = (float) (sum over keys of f(k_j) / (n * 2^16.0))                              in double
 * m2_j    = sum over keys of f(k_j * k_j) / (n * 2^16.0)                    k_j * k_j in float, then in double
 * spread2 = m2_0 - mean_0^2 + m2_1 - mean_1^2 + ...         from left to right, in double without contraction
 * floor   = max(0, bits((float) (127 * subspaces * sqrt(max(0, spread2)))) - 7 * 2^23)
 * </pre>
 *
 * <p>The floor is where the votes of {@code retrieve.ScoreVote} begin: at a 128th of the most that a key of
 * usual length can have.
 */
public interface KeyCentre {
  /** Keys that a centre is found from, if there are so many. */
  int KEYS = 1_024;

  /**
   * Finds the centre of every KV head of {@code slot} and writes it to {@link KeyIndex#centres} and
   * {@link KeyIndex#floors}.
   *
   * @param from first position of the retrieval zone
   * @param to end of the positions that are looked at, at most {@code from + KEYS}
   */
  void find(KvStore kv, int layer, int slot, int from, int to, KeyIndex index);
}

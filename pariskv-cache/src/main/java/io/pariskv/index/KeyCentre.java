package io.pariskv.index;

import io.pariskv.kv.KvStore;

/**
 * Finds what keys are measured from in an index of {@link Coarse#SCORES}: their mean, and how far they are
 * from it. Subtracting one vector from all keys leaves attention as it is and makes what differs between
 * them visible.
 *
 * <p>The mean of the first keys alone goes stale: what RoPE rotates slowly points elsewhere later on. So the
 * centre is found anew, and all keys are encoded anew, whenever a zone has grown to the next power of two
 * ({@link #keysOfCentre}). It then comes from at least half of the zone, it depends on the zone alone and
 * not on the chunks that it came in, and all keys together are encoded three times at most.
 *
 * <p>{@code n = min(keys, SAMPLES)} keys are looked at, key {@code i} of them at zone position {@code i}, or if there
 * are more keys than samples at {@code (65536 i + (40503 i mod 65536)) * keys / 2^26}, spread evenly but not
 * periodically, since RoPE is periodic. In double without contraction:
 *
 * <pre>
 * sum_j, square_j   16 partial sums, the keys with i mod 16 = p in order of i; then added by halving,
 *                   {@code x[p] += x[p + 8]}, then 4, 2, 1; of k_j and of k_j * k_j
 * mean_j  = (float) (sum_j / n)
 * spread2 = 0 + square_0 / n - mean_0^2 + square_1 / n - mean_1^2 + ...      from left to right
 * floor   = spread2 &gt; 0 ? max(0, bits((float) (31 * subspaces * sqrt(spread2))) - 7 * 2^23) : 0
 * </pre>
 *
 * <p>The floor is where the votes of {@code retrieve.ScoreVote} begin: at a 128th of the most that a key of
 * usual length can have. Exact: all backends give equal bits. Cost: a thousand keys a KV head.
 */
public interface KeyCentre {
  /** Most keys that a centre is found from. */
  int SAMPLES = 1_024;

  /** Partial sums of a coordinate. */
  int PARTIAL_SUMS = 16;

  /**
   * Finds the centre of every KV head of {@code slot} and writes it to {@link KeyIndex#centres} and
   * {@link KeyIndex#floors}.
   *
   * @param from first position of the retrieval zone
   * @param keys at least 1; the keys from {@code from} on that the centre is found from
   */
  void find(KvStore kv, int layer, int slot, int from, int keys, KeyIndex index);

  /** The first keys of a zone that its centre is found from: the largest power of two that it has. */
  static int keysOfCentre(int zone) {
    return Integer.highestOneBit(zone);
  }

  /** Zone position of sample {@code i}; see above. */
  static int sample(int i, int keys) {
    return keys <= SAMPLES
        ? i
        : (int) (((long) i << 16 | (i * 40_503 & 0xffff)) * keys >>> 26);
  }

  /** Checks the range that {@link #find} is given. */
  static void requireKeys(int keys) {
    if (keys < 1) {
      throw new IllegalArgumentException("a centre is found from at least 1 key, not " + keys);
    }
  }
}

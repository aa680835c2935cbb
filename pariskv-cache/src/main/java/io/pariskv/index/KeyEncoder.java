package io.pariskv.index;

import io.pariskv.kv.KvStore;

/**
 * Summarises keys: rotate, take the signs, quantise the magnitudes, weigh. ParisKV, section 4.1.
 *
 * <p>For a key {@code x} of {@code d} numbers, {@code y} = {@link HadamardRotation} of {@code x},
 * unscaled. In each block of 8 coordinates {@code y_0 .. y_7}, in float arithmetic without
 * contraction and in exactly this order:
 *
 * <pre>
 * r2    = ((y_0*y_0 + y_1*y_1) + (y_2*y_2 + y_3*y_3)) + ((y_4*y_4 + y_5*y_5) + (y_6*y_6 + y_7*y_7))
 * r     = sqrt(r2)
 * t_j   = number of thresholds h with |y_j| &gt; h * r            level, 0 to 7
 * code  = 8 * (y_j &gt;= 0) + t_j                                  4 bits
 * id    = sum of 2^j over j with y_j &gt;= 0                        centroid, 8 bits
 * s     = ((a_0*|y_0| + a_1*|y_1|) + (a_2*|y_2| + ...)) + (...)  a_j = level value of t_j, paired as r2
 * w     = r == 0 ? 0 : (r / max(s / r, 1e-6)) * scale            scale = 1/sqrt(d), rounded to bf16
 * </pre>
 *
 * <p>So {@code sum_b w_b sum_j sgn_j a_j p_bj} estimates {@code q.x} when {@code p} is the rotated,
 * scaled query. The order makes implementations exact: all backends give equal ids, codes, weights
 * and populations. Negative zero counts as {@code >= 0}. Coordinates of keys must be below
 * 1e16 in magnitude, where squares stay finite at every head size.
 *
 * <p>In an index of {@link Coarse#SCORES}, {@code x} is the key minus the {@linkplain KeyIndex#centres centre} of its
 * KV head, one float subtraction a coordinate; no populations are counted, and the key's norm is
 * {@code sqrt(sum of all r2) * scale} as bf16, where the {@code r2} of its blocks are added pairwise by halving: {@code
 * x[b] += x[b + B/2]}, then quarters, down to one.
 *
 * <p>Cost {@code O(d log d)} a key. Not thread-safe; one instance per stream.
 */
public interface KeyEncoder {
  /**
   * Encodes positions {@code from} to {@code to - 1} of every KV head, and counts them in the
   * populations.
   *
   * @param kv the keys, as stored (after RoPE, rounded to the store's type)
   * @param slot sequence, the same in {@code kv} and {@code index}
   * @param from first position
   * @param to end of the positions, exclusive
   * @param index where to; room must be reserved
   * @param zoneFrom the zone position of {@code from}
   */
  void encode(KvStore kv, int layer, int slot, int from, int to, KeyIndex index, int zoneFrom);
}

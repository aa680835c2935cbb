package io.pariskv.index;

import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;

/**
 * Hashes keys of the retrieval zone. With {@code w} a plane and {@code k} a key as stored, a bit is set if {@code sum > 0}:
 *
 * <pre>
 * sum = 0;  for i = 0, 1, ... headDim - 1:  sum = fma(k[i] - mean[i], w[i], sum)      in float
 * </pre>
 *
 * <p>Words are written whole, zeros for keys beyond the zone; where the index has {@link BucketLists}, they follow.
 * Exact: all backends give equal bits. Cost: {@code planes * headDim} fused multiply-adds a key and KV head.
 */
public interface KeyHashing {
  /**
   * Hashes the keys from position {@code from} to the end of the retrieval zone, and those before in the same word.
   *
   * @param slot sequence, the same in {@code kv} and {@code index}
   * @param zones where the retrieval zone begins and ends
   * @param index its means, as found; out, its signatures, where room must be reserved
   */
  void encode(KvStore kv, int layer, int slot, int from, TokenZones zones, HashIndex index);

  /** Zone position of the first key that is hashed: the first of the word of {@code from}. */
  static int first(int from, TokenZones zones) {
    return (from - zones.sinkEnd()) / Integer.SIZE * Integer.SIZE;
  }
}

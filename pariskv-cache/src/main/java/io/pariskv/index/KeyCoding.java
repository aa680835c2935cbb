package io.pariskv.index;

import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;

/**
 * Writes for every key the number of the nearest centroid of each sub-vector, ties by lower number.
 *
 * <p>The distance is {@code s = fma(d, d, s)} with {@code d = x_i - c_i} over the coordinates of the sub-vector in order,
 * starting at 0, all in float. One that is NaN counts as infinity. Exact: all backends give equal codes.
 */
public interface KeyCoding {
  /**
   * Codes the keys from position {@code from} to the end of the retrieval zone; other rows stay.
   *
   * @param kv the keys
   * @param slot sequence, the same in {@code kv} and the tables
   * @param codebooks of {@link CodebookTraining}
   * @param codes out, rows by zone position; room must be reserved
   */
  void encode(KvStore kv, int layer, int slot, int from, TokenZones zones,
      ProductQuantizer quantizer, ZoneTable codebooks, ZoneTable codes);
}

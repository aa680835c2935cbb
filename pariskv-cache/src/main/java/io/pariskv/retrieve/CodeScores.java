package io.pariskv.retrieve;

import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;

/**
 * For every key of the retrieval zone and every query head the score {@code q.k'}, where {@code k'} is what the key's codes stand
 * for: asymmetric distance computation. PQCache (arXiv 2407.12820), section 3.3.
 *
 * <pre>
 * T[j][c] = fma(q_i, centroid_jci, T[j][c]) over the coordinates of sub-vector j in order, starting at 0
 * score   = T[0][code_0] + T[1][code_1] + ..., in order, starting from the first
 * </pre>
 *
 * <p>All in float. Exact: all backends give equal bits. Cost: {@code rows * heads} times {@code headDim * centroids}
 * multiplications and {@code keys * subvectors} look-ups; {@code subvectors} bytes of each key of a KV head are read.
 */
public interface CodeScores {
  /**
   * @param kv its zones say how many keys there are
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @param codebooks of {@link io.pariskv.index.CodebookTraining}
   * @param codes of {@link io.pariskv.index.KeyCoding}
   * @param scores out, {@code [rows][heads][capacity] f32}; beyond the number of keys undefined
   */
  void score(KvStore kv, int layer, Batch batch, Buffer q, ProductQuantizer quantizer,
      ZoneTable codebooks, ZoneTable codes, Buffer scores);
}

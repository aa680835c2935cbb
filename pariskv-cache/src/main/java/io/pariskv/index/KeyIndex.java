package io.pariskv.index;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;

/**
 * The summaries of the retrieval zones of several sequences, all layers: for every key a centroid id
 * and eight 4-bit codes a subspace and a bf16 weight a subspace. With {@link Coarse#TIERS} also for every
 * subspace how many keys have each centroid, with {@link Coarse#SCORES} a norm a key and a centre a KV head.
 *
 * <p>Keys are numbered by zone position: 0 is the first token of the retrieval zone. The layout of ids
 * and codes is the backend's own; the stages of that backend read and write it, and {@link #read}
 * gives one key's summary to anyone who compares. Slots are those of the {@code KvStore}. Not
 * thread-safe; one driving thread.
 */
public interface KeyIndex extends AutoCloseable {

  /**
   * Fields of one row of {@link #budgets()}: keys in the zone, candidates, k, then the six population
   * limits of tiers 6, 5, 4, 3, 2, 1.
   */
  int BUDGET_FIELDS = 9;

  /** The geometry. */
  KvShape shape();

  /** What the first look at all keys adds up. */
  Coarse coarse();

  /** Subspaces of a head: the paper's {@code B}. */
  default int subspaces() {
    return SignCentroids.subspaces(shape().headDim());
  }

  /** Makes room for {@code tokens} keys of {@code slot} in every layer without a sliding window. */
  void reserve(int slot, int tokens);

  /** Forgets all that is kept of {@code slot} and frees its memory. */
  void release(int slot);

  /** What a step may select in each slot, {@code [slots][9] i32}; see {@link #BUDGET_FIELDS}. */
  Buffer budgets();

  /** Writes the budget of {@code slot}, in stream order. {@code budget} has 9 values. */
  void setBudget(int slot, int[] budget);

  /**
   * How many keys of {@code slot} have each centroid, {@code [kvHeads][subspaces][256] i32}; for {@link Coarse#TIERS}
   * only.
   */
  Buffer populations(int layer, int slot);

  /** What keys of {@code slot} are measured from, {@code [kvHeads][headDim] f32}; for {@link Coarse#SCORES} only. */
  Buffer centres(int layer, int slot);

  /** Where votes begin, {@code [kvHeads] i32}, see {@link KeyCentre}; for {@link Coarse#SCORES} only. */
  Buffer floors(int layer, int slot);

  /**
   * One key's summary, for comparison and diagnosis; slow.
   *
   * @param zonePosition which key
   */
  KeySummary read(int layer, int slot, int kvHead, int zonePosition);

  /** Bytes held now. */
  long bytes();

  /** Bytes of one key's summary in one KV head. */
  default int bytesPerKey() {
    return summaryBytes(shape().headDim(), coarse());
  }

  /**
   * Bytes of one key's summary: an id, 8 codes of 4 bits and a bf16 weight a subspace, and with {@link Coarse#SCORES}
   * a bf16 norm.
   */
  static int summaryBytes(int headDim, Coarse coarse) {
    return SignCentroids.subspaces(headDim) + recordBytes(headDim)
        + (coarse == Coarse.SCORES ? Short.BYTES : 0);
  }

  /** Those of them that a rerank reads: codes and weights. */
  static int recordBytes(int headDim) {
    return SignCentroids.subspaces(headDim) * (SignCentroids.SUBSPACE_DIM / 2 + 2);
  }

  /**
   * Refuses what an index of another kind lacks.
   *
   * @throws IllegalStateException if this index is not of {@code needed}
   */
  default void require(Coarse needed) {
    if (coarse() != needed) {
      throw new IllegalStateException(
          "an index of " + coarse() + " has nothing for a stage of " + needed);
    }
  }

  /** Frees everything. */
  @Override
  void close();
}

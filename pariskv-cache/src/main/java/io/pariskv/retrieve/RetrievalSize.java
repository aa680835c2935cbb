package io.pariskv.retrieve;

import io.pariskv.index.SignCentroids;
import io.pariskv.kv.KvShape;

/**
 * How much one {@link Retrieval} has room for.
 *
 * @param rows sequences of a step
 * @param keys longest retrieval zone
 * @param candidates most candidates of a KV head
 * @param k most selected keys of a KV head
 */
public record RetrievalSize(int rows, int keys, int candidates, int k) {

  /** Whether steps of so many sequences with zones of up to {@code longest} keys have room. */
  public boolean serves(int sequences, int longest) {
    return rows == sequences && longest <= keys;
  }

  /** Bytes of scratch memory, not counting what a backend adds for itself. */
  public long bytes(KvShape shape) {
    long tiers = (long) SignCentroids.subspaces(shape.headDim()) * SignCentroids.COUNT;
    return (long) rows * shape.kvHeads()
        * (4L * shape.headDim() + tiers + keys + 8L * candidates + 4L * k + 4);
  }
}

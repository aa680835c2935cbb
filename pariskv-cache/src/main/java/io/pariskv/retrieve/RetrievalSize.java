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
  public long bytes(KvShape shape, Grouping grouping) {
    long table = (long) SignCentroids.subspaces(shape.headDim()) * SignCentroids.COUNT;
    long ofQuery = 4L * shape.headDim() + table + keys + 4L * candidates;
    long queries = switch (grouping) {
      case MEAN -> ofQuery;
      case PER_HEAD -> shape.groupSize() * ofQuery + keys + 4L * candidates; // and what is combined
    };
    return (long) rows * shape.kvHeads() * (queries + 4L * candidates + 4L * k + 4);
  }
}

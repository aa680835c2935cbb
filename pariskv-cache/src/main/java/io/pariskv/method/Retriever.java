package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.backend.RetrievalStages;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * The retrieval of one decode step: the paper's figure as one method, with the scratch memory its
 * stages pass on. Sized for a number of rows and a zone length; a longer zone needs a new one.
 */
final class Retriever implements AutoCloseable {
  private final RetrievalStages stages;
  private final KeyIndex index;
  private final Allocator scratch;
  private final int rows;
  private final int keys;

  private final Buffer blocks;
  private final Buffer tiers;
  private final Buffer votes;
  private final Buffer candidates;
  private final Buffer scores;
  private final Selection selection;

  /**
   * @param rows sequences of a step
   * @param keys longest retrieval zone
   * @param candidateCapacity most candidates of a KV head
   * @param k most selected keys of a KV head
   */
  Retriever(Backend backend, KeyIndex index, int rows, int keys, int candidateCapacity, int k) {
    KvShape shape = index.shape();
    int kvHeads = shape.kvHeads();
    this.stages = backend.retrieval();
    this.index = index;
    this.rows = rows;
    this.keys = keys;
    this.scratch = backend.newAllocator();
    blocks = scratch.allocate(DType.F32, rows, kvHeads, shape.headDim());
    tiers = scratch.allocate(DType.U8, rows, kvHeads, index.subspaces(), SignCentroids.COUNT);
    votes = scratch.allocate(DType.U8, rows, kvHeads, keys);
    candidates = scratch.allocate(DType.I32, rows, kvHeads, candidateCapacity);
    scores = scratch.allocate(DType.F32, rows, kvHeads, candidateCapacity);
    selection = new Selection(scratch.allocate(DType.I32, rows, kvHeads, k),
        scratch.allocate(DType.I32, rows, kvHeads));
  }

  boolean serves(int otherRows, int otherKeys) {
    return rows == otherRows && otherKeys <= keys;
  }

  /** Query to positions. */
  Selection retrieve(int layer, Batch batch, Buffer q) {
    stages.queryBlocks().rotate(index, batch, q, blocks);
    stages.centroidTiers().rank(index, layer, batch, blocks, tiers);
    stages.collisionVote().vote(index, layer, batch, tiers, votes);
    stages.bucketTopK().select(index, batch, votes, candidates);
    stages.rerank().score(index, layer, batch, blocks, candidates, scores);
    stages.topK().select(index, batch, candidates, scores, selection);
    return selection;
  }

  /** Bytes of scratch memory for one row; parameters as of the constructor. */
  static long bytes(KvShape shape, int keys, int candidateCapacity, int k) {
    long tiers = (long) SignCentroids.subspaces(shape.headDim()) * SignCentroids.COUNT;
    return shape.kvHeads() * (4L * shape.headDim() + tiers + keys + 8L * candidateCapacity
        + 4L * k + 4);
  }

  long bytes() {
    return scratch.allocatedBytes();
  }

  @Override
  public void close() {
    scratch.close();
  }
}

package io.pariskv.backend;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalSize;
import java.util.List;

/** The retrieval of a step as one call of each stage. */
public final class StagedRetrieval implements Retrieval {
  private static final List<String> PARTS = List.of("rotate", "table", "vote", "select", "rerank",
      "top-k");

  private final RetrievalStages stages;
  private final KeyIndex index;
  private final RetrievalSize size;
  private final Allocator scratch;

  private final Buffer blocks;
  private final Buffer table;
  private final Buffer votes;
  private final Buffer candidates;
  private final Buffer scores;
  private final Selection selection;

  /** Allocates what the stages pass on; the caller closes it. */
  public StagedRetrieval(Backend backend, KeyIndex index, RetrievalSize size) {
    KvShape shape = index.shape();
    int rows = size.rows();
    int kvHeads = shape.kvHeads();
    this.stages = backend.retrieval();
    this.index = index;
    this.size = size;
    this.scratch = backend.newAllocator();
    try {
      blocks = scratch.allocate(DType.F32, rows, kvHeads, shape.headDim());
      table = scratch.allocate(DType.U8, rows, kvHeads, index.subspaces(), SignCentroids.COUNT);
      votes = scratch.allocate(DType.U8, rows, kvHeads, size.keys());
      candidates = scratch.allocate(DType.I32, rows, kvHeads, size.candidates());
      scores = scratch.allocate(DType.F32, rows, kvHeads, size.candidates());
      selection = new Selection(scratch.allocate(DType.I32, rows, kvHeads, size.k()),
          scratch.allocate(DType.I32, rows, kvHeads));
    } catch (RuntimeException | Error e) {
      scratch.close();
      throw e;
    }
  }

  @Override
  public RetrievalSize size() {
    return size;
  }

  @Override
  public List<String> parts() {
    return PARTS;
  }

  @Override
  public void run(int part, int layer, Batch batch, Buffer q) {
    switch (part) {
      case 0 -> stages.queryBlocks().rotate(index, batch, q, blocks);
      case 1 -> stages.table(index, layer, batch, blocks, table);
      case 2 -> stages.vote(index, layer, batch, table, votes);
      case 3 -> stages.bucketTopK().select(index, batch, votes, candidates);
      case 4 -> stages.rerank().score(index, layer, batch, blocks, candidates, scores);
      case 5 -> stages.topK().select(index, batch, candidates, scores, selection);
      default -> throw new IndexOutOfBoundsException(part);
    }
  }

  @Override
  public Selection selection() {
    return selection;
  }

  @Override
  public long bytes() {
    return scratch.allocatedBytes();
  }

  @Override
  public void close() {
    scratch.close();
  }
}

package io.pariskv.backend;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.AdaptiveBudget;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalSize;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The retrieval of a step as one call of each stage. */
public final class StagedRetrieval implements Retrieval {
  private static final List<String> PARTS = List.of("rotate", "table", "vote", "select", "rerank",
      "top-k");

  private static final List<String> ADAPTIVE_PARTS = List.of("rotate", "table", "vote", "select",
      "rerank", "weigh", "adaptive top-k");

  private final RetrievalStages stages;
  private final KeyIndex index;
  private final RetrievalSize size;
  private final @Nullable AdaptiveBudget adaptive;
  private final Allocator scratch;

  private final Buffer blocks;
  private final Buffer table;
  private final Buffer votes;
  private final Buffer candidates;
  private final Buffer scores;
  private final Selection selection;

  /** Allocates what the stages pass on; the caller closes it. */
  public StagedRetrieval(Backend backend, KeyIndex index, RetrievalSize size) {
    this(backend, index, size, null);
  }

  /** The same with a budget that adapts, if there is one. */
  public StagedRetrieval(Backend backend, KeyIndex index, RetrievalSize size,
      @Nullable AdaptiveBudget adaptive) {
    KvShape shape = index.shape();
    int rows = size.rows();
    int kvHeads = shape.kvHeads();
    this.stages = backend.retrieval();
    this.index = index;
    this.size = size;
    this.adaptive = adaptive;
    this.scratch = backend.newAllocator();
    try {
      blocks = scratch.allocate(DType.F32, rows, kvHeads, shape.headDim());
      table = scratch.allocate(DType.U8, rows, kvHeads, index.subspaces(), SignCentroids.COUNT);
      votes = scratch.allocate(DType.U8, rows, kvHeads, size.keys());
      candidates = scratch.allocate(DType.I32, rows, kvHeads, size.candidates());
      scores = scratch.allocate(DType.F32, rows, kvHeads, size.candidates());
      selection = Selection.allocate(scratch, rows, kvHeads, size.k());
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
    return adaptive == null ? PARTS : ADAPTIVE_PARTS;
  }

  @Override
  public void run(int part, int layer, Batch batch, Buffer q) {
    Objects.checkIndex(part, parts().size());
    switch (part) {
      case 0 -> stages.queryBlocks().rotate(index, batch, q, blocks);
      case 1 -> stages.table(index, layer, batch, blocks, table);
      case 2 -> stages.vote(index, layer, batch, table, votes);
      case 3 -> stages.bucketTopK().select(index, batch, votes, candidates);
      case 4 -> stages.rerank().score(index, layer, batch, blocks, candidates, scores);
      default -> choose(part, layer, batch);
    }
  }

  private void choose(int part, int layer, Batch batch) {
    if (adaptive == null) {
      stages.topK().select(index, batch, candidates, scores, selection);
    } else if (part == 5) { // estimates become weights where they are
      stages.headScores().combine(index, batch, scores.reshape(1, size.rows(),
          index.shape().kvHeads(), size.candidates()), scores);
    } else {
      stages.adaptiveTopK().select(index, layer, batch, candidates, scores, adaptive.norms(),
          adaptive.share(), selection, adaptive.totals());
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

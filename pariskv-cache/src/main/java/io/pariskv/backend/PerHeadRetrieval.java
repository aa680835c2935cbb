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
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalSize;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The retrieval of a step where every query head looks for itself, see {@link Grouping#PER_HEAD}: the stages of
 * {@link StagedRetrieval} once a head of the groups, and two that combine.
 */
public final class PerHeadRetrieval implements Retrieval {
  private static final List<String> PARTS = List.of("rotate", "table", "vote", "combine votes",
      "select", "rerank", "combine scores", "top-k");

  private final RetrievalStages stages;
  private final KeyIndex index;
  private final RetrievalSize size;
  private final @Nullable AdaptiveBudget adaptive;
  private final Allocator scratch;

  private final Buffer blocks;
  private final Buffer votes;
  private final Buffer combinedVotes;
  private final Buffer candidates;
  private final Buffer scores;
  private final Buffer combinedScores;
  private final Selection selection;

  /** What the first, second ... head of every group has of the buffers. */
  private final List<Head> heads = new ArrayList<>();

  private record Head(Buffer blocks, Buffer table, Buffer votes, Buffer scores) {
  }

  /** Allocates what the stages pass on; the caller closes it. */
  public PerHeadRetrieval(Backend backend, KeyIndex index, RetrievalSize size) {
    this(backend, index, size, null);
  }

  /** The same with a budget that adapts, if there is one. */
  public PerHeadRetrieval(Backend backend, KeyIndex index, RetrievalSize size,
      @Nullable AdaptiveBudget adaptive) {
    KvShape shape = index.shape();
    int rows = size.rows();
    int kvHeads = shape.kvHeads();
    int group = shape.groupSize();
    this.stages = backend.retrieval();
    this.index = index;
    this.size = size;
    this.adaptive = adaptive;
    this.scratch = backend.newAllocator();
    try {
      blocks = scratch.allocate(DType.F32, group, rows, kvHeads, shape.headDim());
      Buffer tables = scratch.allocate(DType.U8, group, rows, kvHeads, index.subspaces(),
          SignCentroids.COUNT);
      votes = scratch.allocate(DType.U8, group, rows, kvHeads, size.keys());
      combinedVotes = scratch.allocate(DType.U8, rows, kvHeads, size.keys());
      candidates = scratch.allocate(DType.I32, rows, kvHeads, size.candidates());
      scores = scratch.allocate(DType.F32, group, rows, kvHeads, size.candidates());
      combinedScores = scratch.allocate(DType.F32, rows, kvHeads, size.candidates());
      selection = Selection.allocate(scratch, rows, kvHeads, size.k());
      for (int i = 0; i < group; i++) {
        heads.add(new Head(blocks.slice(i, i + 1L).reshape(rows, kvHeads, shape.headDim()),
            tables.slice(i, i + 1L).reshape(rows, kvHeads, index.subspaces(), SignCentroids.COUNT),
            votes.slice(i, i + 1L).reshape(rows, kvHeads, size.keys()),
            scores.slice(i, i + 1L).reshape(rows, kvHeads, size.candidates())));
      }
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
      case 0 -> stages.headBlocks().rotate(index, batch, q, blocks);
      case 1 -> heads.forEach(
          head -> stages.table(index, layer, batch, head.blocks, head.table));
      case 2 -> heads.forEach(head -> stages.vote(index, layer, batch, head.table, head.votes));
      case 3 -> stages.headVotes().combine(index, batch, votes, combinedVotes);
      case 4 -> stages.bucketTopK().select(index, batch, combinedVotes, candidates);
      case 5 -> heads.forEach(head -> stages.rerank().score(index, layer, batch, head.blocks,
          candidates, head.scores));
      case 6 -> stages.headScores().combine(index, batch, scores, combinedScores);
      case 7 -> choose(layer, batch);
      default -> throw new IndexOutOfBoundsException(part);
    }
  }

  private void choose(int layer, Batch batch) {
    if (adaptive == null) {
      stages.topK().select(index, batch, candidates, combinedScores, selection);
    } else {
      stages.adaptiveTopK().select(index, layer, batch, candidates, combinedScores,
          adaptive.norms(), adaptive.share(), selection, adaptive.totals());
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

package io.pariskv.backend.cuda;

import io.pariskv.backend.PerHeadRetrieval;
import io.pariskv.index.HadamardRotation;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.HeadScores;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalSize;
import io.pariskv.retrieve.TopK;
import java.util.List;

/**
 * The retrieval of a step by scores where every query head looks for itself, in five launches, six if there are many
 * candidates: {@code retrieval_head_vote.cu}, {@code retrieval_head_combine.cu}, two of {@code retrieval_head_scores.cu}
 * and {@link CudaTopK}. {@link PerHeadRetrieval} is its oracle, and takes its place where it does not {@linkplain #fits fit}.
 */
final class CudaHeadRetrieval implements Retrieval {
  private static final List<String> PARTS = List.of("rotate+table+vote",
      "combine votes+histogram", "select+rerank", "combine scores", "top-k");

  private static final int VOTES = 256;

  // Of retrieval_head_vote.cu.
  private static final String VOTE = "retrieval_head_vote";
  private static final int QUAD = 4;
  private static final int VOTE_BLOCK = 512;
  private static final int VOTE_SHARED = (64 << 10) + (32 << 10);

  // Of retrieval_head_combine.cu.
  private static final int COMBINE_BLOCK = 1024;
  private static final int HISTOGRAM_BYTES = VOTES * 32 * Integer.BYTES;

  // Of retrieval_head_scores.cu.
  private static final int SCORES_BLOCK = 256;

  private final Kernels kernels;
  private final CudaKeyIndex index;
  private final RetrievalSize size;
  private final TopK topK;
  private final int quads;
  private final CudaFunction vote;
  private final CudaFunction combine;
  private final CudaFunction estimates;
  private final CudaFunction weights;

  private final DeviceAllocator memory;
  private final RetrievalScratch scratch;
  /** {@code [group][heads][tiles * tileKeys] u8}. */
  private final Buffer votes;
  /** {@code [heads][group][256] i32}, zero before and after a step: how many keys have a vote. */
  private final Buffer totals;
  /** {@code [rows][kvHeads][candidates] i32}. */
  private final Buffer candidates;
  /** {@code [group][rows][kvHeads][candidates] f32}; the first head's then become the combined scores. */
  private final Buffer scores;
  /** {@code [group][heads][tiles] i32}: the largest of a tile. */
  private final Buffer highs;
  /** {@code [group][heads] i64}: what normalises a head's weights. */
  private final Buffer norms;
  /** {@code [heads] i32}, zero before and after a launch: blocks of a head that are done. */
  private final Buffer tickets;
  private final Selection selection;

  /** Allocates what the kernels pass on; the caller closes it. */
  CudaHeadRetrieval(Kernels kernels, CudaKeyIndex index, RetrievalSize size, TopK topK) {
    KvShape shape = index.shape();
    int group = shape.groupSize();
    this.kernels = kernels;
    this.index = index;
    this.size = size;
    this.topK = topK;
    this.quads = Math.ceilDiv(group, QUAD);
    vote = kernels.function(VOTE).allowShared(VOTE_SHARED);
    combine = kernels.function("retrieval_head_combine");
    estimates = kernels.function("retrieval_head_estimates");
    weights = kernels.function("retrieval_head_weights");
    memory = new DeviceAllocator(kernels.stream());
    try {
      scratch = RetrievalScratch.allocate(memory, shape, size,
          kernels.device().multiprocessors(), VOTES, group);
      int heads = scratch.heads();
      int tiles = scratch.tiles();
      votes = memory.allocate(DType.U8, group, heads, (long) tiles * scratch.tileKeys());
      totals = memory.allocate(DType.I32, heads, group, VOTES);
      candidates = memory.allocate(DType.I32, size.rows(), shape.kvHeads(), size.candidates());
      scores = memory.allocate(DType.F32, group, size.rows(), shape.kvHeads(), size.candidates());
      highs = memory.allocate(DType.I32, group, heads, tiles);
      norms = memory.allocate(DType.I64, group, heads);
      tickets = memory.allocate(DType.I32, heads);
      selection = Selection.allocate(memory, size.rows(), shape.kvHeads(), size.k());
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, memory::close);
      throw e;
    }
  }

  /**
   * Whether this GPU has the shared memory: a block that votes for four heads needs 100 KiB together with their queries,
   * 1 KiB more than there is on compute capability 8.6, 8.9 and 12.
   */
  static boolean fits(Kernels kernels) {
    return kernels.function(VOTE).mostShared() >= VOTE_SHARED;
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
    KvShape shape = index.shape();
    index.requireIndexed(layer);
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    scratch.requireRoom(kernels, index, batch, selection);
    switch (part) {
      case 0 -> vote(layer, batch, q);
      case 1 -> combineVotes(batch);
      case 2 -> estimate(layer, batch);
      case 3 -> combineScores(batch);
      case 4 -> topK.select(index, batch, candidates, combinedScores(), selection);
      default -> throw new IndexOutOfBoundsException(part);
    }
  }

  private void vote(int layer, Batch batch, Buffer q) {
    KvShape shape = index.shape();
    kernels.launch().grid(scratch.tiles(), scratch.heads(), quads).block(VOTE_BLOCK)
        .shared(VOTE_SHARED).overlapped().arg(q).arg(index.idTable()).arg(index.normTable())
        .arg(index.centreTable()).arg(layer).arg(shape.layers()).arg(batch.slots())
        .arg(index.budgets()).arg(scratch.blocks()).arg(votes).arg(scratch.tileKeys())
        .arg(shape.kvHeads())
        .arg(shape.groupSize()).arg(index.subspaces())
        .arg(HadamardRotation.scale(shape.headDim())).arg(totals).run(vote);
  }

  private void combineVotes(Batch batch) {
    KvShape shape = index.shape();
    kernels.launch().grid(scratch.tiles(), scratch.heads()).block(COMBINE_BLOCK)
        .shared(HISTOGRAM_BYTES + Math.ceilDiv(shape.groupSize(), 4) * 16).overlapped()
        .arg(batch.slots()).arg(index.budgets()).arg(votes).arg(totals).arg(scratch.votes())
        .arg(scratch.tileKeys()).arg(shape.kvHeads()).arg(shape.groupSize())
        .arg(size.candidates()).arg(scratch.counts()).run(combine);
  }

  private void estimate(int layer, Batch batch) {
    KvShape shape = index.shape();
    kernels.launch().grid(scratch.tiles(), scratch.heads()).block(SCORES_BLOCK).overlapped()
        .arg(index.recordTable()).arg(index.budgets()).arg(batch.slots()).arg(layer)
        .arg(shape.layers()).arg(shape.kvHeads()).arg(shape.groupSize()).arg(index.subspaces())
        .arg(scratch.tileKeys()).arg(scratch.blocks()).arg(scratch.votes()).arg(scratch.counts())
        .arg(totals).arg(size.candidates()).arg(candidates).arg(scores).arg(highs).arg(norms)
        .arg(tickets)
        .arg(HeadScores.toOctaves(shape.headDim())).run(estimates);
  }

  private void combineScores(Batch batch) {
    KvShape shape = index.shape();
    kernels.launch().grid(scratch.tiles(), scratch.heads()).block(SCORES_BLOCK).overlapped()
        .arg(index.budgets()).arg(batch.slots()).arg(shape.kvHeads()).arg(shape.groupSize())
        .arg(scratch.tiles() * scratch.tileKeys()).arg(size.candidates()).arg(scores).arg(norms)
        .arg(HeadScores.toOctaves(shape.headDim())).run(weights);
  }

  private Buffer combinedScores() {
    return scores.slice(0, 1).reshape(size.rows(), index.shape().kvHeads(), size.candidates());
  }

  @Override
  public Selection selection() {
    return selection;
  }

  @Override
  public long bytes() {
    return memory.allocatedBytes();
  }

  @Override
  public void close() {
    memory.close();
  }
}

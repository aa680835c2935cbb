package io.pariskv.backend.cuda;

import io.pariskv.index.HadamardRotation;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalSize;
import java.util.List;

/**
 * The retrieval of a step in three launches: {@code retrieval_table.cu}, {@code retrieval_vote.cu} and
 * {@link CudaCandidateSelect}'s. The stages of the same names are its oracle.
 */
final class CudaRetrieval implements Retrieval {
  private static final List<String> PARTS = List.of("rotate+table", "vote+histogram",
      "select+rerank+top-k");

  private static final int TABLE_BLOCK = 256;
  private static final int VOTE_BLOCK = 512;
  private static final int LOOK_UP_BYTES = 64 << 10;

  private final Kernels kernels;
  private final CudaKeyIndex index;
  private final RetrievalSize size;
  private final CudaFunction table;
  private final CudaFunction vote;
  private final CudaCandidateSelect select;

  private final DeviceAllocator memory;
  private final RetrievalScratch scratch;
  private final Selection selection;

  /** Allocates what the kernels pass on; the caller closes it. */
  CudaRetrieval(Kernels kernels, CudaKeyIndex index, RetrievalSize size) {
    KvShape shape = index.shape();
    this.kernels = kernels;
    this.index = index;
    this.size = size;
    table = kernels.function("retrieval_table");
    vote = kernels.function("retrieval_vote").allowShared(voteSharedBytes(index.subspaces()));
    memory = new DeviceAllocator(kernels.stream());
    try {
      scratch = RetrievalScratch.allocate(memory, shape, size,
          kernels.device().multiprocessors());
      selection = new Selection(
          memory.allocate(DType.I32, size.rows(), shape.kvHeads(), size.k()),
          memory.allocate(DType.I32, size.rows(), shape.kvHeads()));
      select = new CudaCandidateSelect(kernels, memory, scratch);
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, memory::close);
      throw e;
    }
  }

  /** The table, and for each tile and each lane of a warp a histogram of what a vote can be. */
  private static int voteSharedBytes(int subspaces) {
    return LOOK_UP_BYTES
        + RetrievalScratch.TILES_OF_VOTE * (6 * subspaces + 1) * 32 * Integer.BYTES;
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
    requireRoom(batch);
    switch (part) {
      case 0 -> table(layer, batch, q);
      case 1 -> vote(layer, batch);
      case 2 -> select.select(index, layer, batch, scratch, selection);
      default -> throw new IndexOutOfBoundsException(part);
    }
  }

  private void requireRoom(Batch batch) {
    if (batch.rows() != size.rows()) {
      throw new IllegalArgumentException("a retrieval for " + size.rows()
          + " sequences cannot serve " + batch.rows() + "; open another");
    }
    ZoneRoom room = new ZoneRoom(kernels, index, batch);
    room.requireKeys("votes", DType.U8, scratch.votes().reshape(size.rows(),
        index.shape().kvHeads(), (long) scratch.tiles() * scratch.tileKeys()));
    room.requireSelected("selected positions", DType.I32, selection.positions());
  }

  private void table(int layer, Batch batch, Buffer q) {
    KvShape shape = index.shape();
    kernels.launch().grid(scratch.heads() * index.subspaces()).block(TABLE_BLOCK).overlapped()
        .arg(q)
        .arg(index.populationTable()).arg(index.budgets()).arg(batch.slots()).arg(scratch.blocks())
        .arg(scratch.tiers()).arg(layer).arg(shape.layers()).arg(shape.kvHeads())
        .arg(shape.groupSize()).arg(index.subspaces()).arg(HadamardRotation.scale(shape.headDim()))
        .run(table);
  }

  private void vote(int layer, Batch batch) {
    KvShape shape = index.shape();
    int blocks = Math.ceilDiv(scratch.tiles(), RetrievalScratch.TILES_OF_VOTE);
    kernels.launch().grid(blocks, scratch.heads()).block(VOTE_BLOCK)
        .shared(voteSharedBytes(index.subspaces())).overlapped().arg(index.idTable()).arg(layer)
        .arg(shape.layers()).arg(batch.slots()).arg(index.budgets()).arg(scratch.tiers())
        .arg(scratch.votes()).arg(scratch.tiles()).arg(scratch.tileKeys()).arg(shape.kvHeads())
        .arg(index.subspaces())
        .arg(scratch.counts()).run(vote);
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

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

  private static final int BLOCK = 1024;
  private static final int LOOK_UP_BYTES = 64 << 10;

  private final Kernels kernels;
  private final CudaKeyIndex index;
  private final RetrievalSize size;
  private final CudaFunction table;
  private final CudaFunction vote;
  private final CudaCandidateSelect select;

  private final DeviceAllocator memory;
  private final RetrievalScratch scratch;
  /** {@code [heads][tiles][values] i32}: how many keys of a tile have a vote. */
  private final Buffer counts;
  /** {@code [heads] i32}, zero before and after a launch: blocks of a head that are done. */
  private final Buffer tickets;
  private final Selection selection;

  /** Allocates what the kernels pass on; the caller closes it. */
  CudaRetrieval(Kernels kernels, CudaKeyIndex index, RetrievalSize size) {
    KvShape shape = index.shape();
    this.kernels = kernels;
    this.index = index;
    this.size = size;
    table = kernels.function("retrieval_table");
    int shared = voteSharedBytes();
    vote = kernels.function("retrieval_vote").allowShared(shared);
    memory = new DeviceAllocator(kernels.stream());
    try {
      scratch = RetrievalScratch.allocate(memory, shape, size,
          kernels.device().multiprocessors() * vote.blocksPerMultiprocessor(BLOCK, shared));
      counts = memory.allocate(DType.I32, scratch.heads(), scratch.tiles(), values());
      tickets = memory.allocate(DType.I32, scratch.heads());
      selection = new Selection(
          memory.allocate(DType.I32, size.rows(), shape.kvHeads(), size.k()),
          memory.allocate(DType.I32, size.rows(), shape.kvHeads()));
      select = new CudaCandidateSelect(kernels, memory, scratch);
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, memory::close);
      throw e;
    }
  }

  /** What a vote can be, from 0 to the largest tier weight in every subspace. */
  private int values() {
    return 6 * index.subspaces() + 1;
  }

  /** The table, and a histogram for each lane of a warp. */
  private int voteSharedBytes() {
    return LOOK_UP_BYTES + values() * 32 * Integer.BYTES;
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
    kernels.launch().grid(scratch.heads() * index.subspaces()).block(BLOCK).overlapped().arg(q)
        .arg(index.populationTable()).arg(index.budgets()).arg(batch.slots()).arg(scratch.blocks())
        .arg(scratch.tiers()).arg(layer).arg(shape.layers()).arg(shape.kvHeads())
        .arg(shape.groupSize()).arg(index.subspaces()).arg(HadamardRotation.scale(shape.headDim()))
        .run(table);
  }

  private void vote(int layer, Batch batch) {
    KvShape shape = index.shape();
    kernels.launch().grid(scratch.tiles(), scratch.heads()).block(BLOCK)
        .shared(voteSharedBytes()).overlapped().arg(index.idTable()).arg(layer)
        .arg(shape.layers()).arg(batch.slots()).arg(index.budgets()).arg(scratch.tiers())
        .arg(scratch.votes()).arg(scratch.tileKeys()).arg(shape.kvHeads()).arg(index.subspaces())
        .arg(size.candidates()).arg(size.k()).arg(RetrievalScratch.SPARE).arg(counts).arg(tickets)
        .arg(scratch.threshold())
        .arg(scratch.tileStart()).arg(scratch.tileTies()).arg(scratch.bestStart()).run(vote);
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

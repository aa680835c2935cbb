package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalSize;
import java.util.List;

/**
 * The retrieval of a step in few launches: one kernel votes and counts votes, and {@link CudaCandidateSelect}'s does the
 * rest. The stages that it replaces are its oracle.
 */
abstract sealed class CudaFusedRetrieval implements Retrieval
    permits CudaRetrieval, CudaScoreRetrieval {
  /** Threads of a block that votes. */
  private static final int BLOCK = 512;

  /**
   * Shared memory of a block that votes: what it looks up, to which a histogram for each tile and each lane of a
   * warp comes. For one tile that is 96 KiB at most, what every GPU has.
   */
  private static final int LOOK_UP_BYTES = 64 << 10;
  private static final int LANES = 32;

  private final Kernels kernels;
  private final CudaKeyIndex index;
  private final RetrievalSize size;
  private final List<String> parts;
  private final int tilesOfVote;
  private final int voteShared;

  private final DeviceAllocator memory;
  private final RetrievalScratch scratch;
  /** {@code [heads][tableBytes] u8} of what a vote looks up, where another launch makes it. */
  private final Buffer table;
  private final Selection selection;
  private final CudaCandidateSelect select;

  /**
   * Allocates what the kernels pass on; the caller closes it.
   *
   * @param parts the last is the selection
   * @param vote the kernel that votes
   * @param values how many different votes there are
   * @param tableBytes of a head
   */
  CudaFusedRetrieval(Kernels kernels, CudaKeyIndex index, RetrievalSize size, List<String> parts,
      CudaFunction vote, int values, int tableBytes) {
    KvShape shape = index.shape();
    this.kernels = kernels;
    this.index = index;
    this.size = size;
    this.parts = parts;
    memory = new DeviceAllocator(kernels.stream());
    try {
      scratch = RetrievalScratch.allocate(memory, shape, size,
          kernels.device().multiprocessors(), values, 1);
      int most = vote.mostShared();
      tilesOfVote = sharedBytes(scratch.tilesOfVote(), values) <= most ? scratch.tilesOfVote() : 1;
      voteShared = sharedBytes(tilesOfVote, values);
      vote.allowShared(
          Math.min(most, sharedBytes(RetrievalScratch.TILES_OF_VOTE, values))); // others launch it too
      table = memory.allocate(DType.U8, scratch.heads(), tableBytes);
      selection = Selection.allocate(memory, size.rows(), shape.kvHeads(), size.k());
      select = new CudaCandidateSelect(kernels, memory, scratch);
    } catch (RuntimeException | Error e) {
      Failures.suppressing(e, memory::close);
      throw e;
    }
  }

  private static int sharedBytes(int tiles, int values) {
    return LOOK_UP_BYTES + tiles * values * LANES * Integer.BYTES;
  }

  /** Launches a part that comes before the selection. */
  abstract void launch(int part, int layer, Batch batch, Buffer q);

  @Override
  public final void run(int part, int layer, Batch batch, Buffer q) {
    KvShape shape = index.shape();
    index.requireIndexed(layer);
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    scratch.requireRoom(kernels, index, batch, selection);
    if (part < 0 || part >= parts.size()) {
      throw new IndexOutOfBoundsException(part);
    }
    if (part == parts.size() - 1) {
      select.select(index, layer, batch, scratch, selection);
    } else {
      launch(part, layer, batch, q);
    }
  }

  /** The launch of a kernel that votes, without arguments. */
  final KernelLaunch voteLaunch() {
    int blocks = Math.ceilDiv(scratch.tiles(), tilesOfVote);
    return kernels.launch().grid(blocks, scratch.heads()).block(BLOCK).shared(voteShared)
        .overlapped();
  }

  final Kernels kernels() {
    return kernels;
  }

  final CudaKeyIndex index() {
    return index;
  }

  final RetrievalScratch scratch() {
    return scratch;
  }

  /** Tiles that a block of the vote has: as many as should be, or one where the shared memory of this GPU is less. */
  final int tilesOfVote() {
    return tilesOfVote;
  }

  final Buffer table() {
    return table;
  }

  @Override
  public final RetrievalSize size() {
    return size;
  }

  @Override
  public final List<String> parts() {
    return parts;
  }

  @Override
  public final Selection selection() {
    return selection;
  }

  @Override
  public final long bytes() {
    return memory.allocatedBytes();
  }

  @Override
  public final void close() {
    memory.close();
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;

/**
 * The last part of a fused retrieval, from votes to positions in one launch: {@code retrieval_select.cu}.
 * {@link CudaBucketTopK}, {@link CudaRerank} and {@link CudaTopK} do the same one after another.
 */
final class CudaCandidateSelect {
  private static final int BLOCK = 512;

  /** Words of a block's lists in shared memory at most: two blocks of a multiprocessor have room. */
  private static final int MAX_HELD = 16_384;
  private static final int MAX_SHARED = sharedBytes(CudaKvStore.MAX_SLABS, MAX_HELD);

  private final Kernels kernels;
  private final CudaFunction function;
  private final int held;
  /** {@code [heads][room] i32}: a tile's best, and some more, behind those of the tile before. */
  private final Buffer bestPositions;
  /** {@code [heads][room]}: their scores as bits that ascend with them; 0 where there is none. */
  private final Buffer bestBits;
  /** {@code [heads][tiles]}: the largest of a tile. */
  private final Buffer highs;
  /** {@code [heads][2][candidates] i32} if a tile can have more candidates than shared memory holds, else none. */
  private final Buffer surplus;
  /** {@code [heads] i32}, zero before and after a launch: blocks of a head that are done. */
  private final Buffer tickets;

  /** Allocates what it needs for itself in {@code memory}, to serve {@code scratch}. */
  CudaCandidateSelect(Kernels kernels, Allocator memory, RetrievalScratch scratch) {
    this.kernels = kernels;
    function = kernels.function("retrieval_select").allowShared(MAX_SHARED);
    int heads = scratch.heads();
    int candidates = scratch.size().candidates();
    int k = scratch.size().k();
    int room = (int) Math.min((long) scratch.tiles() * (k + RetrievalScratch.SPARE), candidates);
    int ofTile = 2 * Math.min(scratch.tileKeys(), candidates); // positions and scores
    held = (int) Math.min(Math.max(ofTile, 2L * room), MAX_HELD);
    bestPositions = memory.allocate(DType.I32, heads, room);
    bestBits = memory.allocate(DType.I32, heads, room);
    surplus = memory.allocate(DType.I32, heads, 2, ofTile > held ? candidates : 0);
    highs = memory.allocate(DType.I32, heads, scratch.tiles());
    tickets = memory.allocate(DType.I32, heads);
  }

  private static int sharedBytes(int slabs, int held) {
    return slabs * Long.BYTES + held * Integer.BYTES;
  }

  /**
   * Selects of every head the keys with the best estimates among those with most votes. Candidates and
   * selected keys beyond the room there is are left out: how many there are is known to the GPU alone.
   *
   * @param scratch what the votes left; the one this was made for
   * @param selection out
   * @throws IllegalArgumentException if the layer is not indexed, or the selection is for other heads
   */
  void select(CudaKeyIndex keys, int layer, Batch batch, RetrievalScratch scratch,
      Selection selection) {
    keys.requireIndexed(layer);
    KvShape shape = keys.shape();
    selection.counts().require("selected counts", DType.I32, scratch.size().rows(),
        shape.kvHeads());
    selection.positions().require("selected positions", DType.I32, scratch.size().rows(),
        shape.kvHeads(), scratch.size().k());
    if (scratch.heads() == 0) {
      return;
    }
    int slabs = scratch.tileKeys() / TokenSlabs.SLAB_TOKENS;
    kernels.launch().grid(scratch.tiles(), scratch.heads()).block(BLOCK)
        .shared(sharedBytes(slabs, held)).overlapped()
        .arg(keys.recordTable()).arg(keys.budgets()).arg(batch.slots())
        .arg(layer).arg(shape.layers()).arg(shape.kvHeads()).arg(keys.subspaces())
        .arg(scratch.tileKeys()).arg(scratch.blocks()).arg(scratch.votes()).arg(scratch.counts())
        .arg(scratch.values()).arg(RetrievalScratch.SPARE).arg(held)
        .arg(scratch.size().candidates()).arg(surplus)
        .arg(bestPositions.shape().extent(1)).arg(bestPositions).arg(bestBits).arg(highs)
        .arg(tickets)
        .arg(selection.capacity()).arg(selection.positions()).arg(selection.counts())
        .run(function);
  }
}

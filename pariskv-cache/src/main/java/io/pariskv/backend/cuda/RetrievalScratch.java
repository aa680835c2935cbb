package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.RetrievalSize;

/**
 * What the kernels of a fused retrieval pass on, in device memory; {@code heads} are rows times KV heads.
 *
 * <p>The keys of a head are cut into tiles, the same ones for the vote and for the selection. Nothing is
 * defined for heads without keys, nor are votes beyond the last key.
 *
 * @param size what there is room for
 * @param tileKeys keys of a tile, a multiple of a slab's tokens
 * @param tiles tiles of a head, 1 to {@link #MAX_TILES}
 * @param blocks {@code [queries][heads][headDim] f32}: the query that a head's query heads look for together, or
 *     those that they look for each
 * @param votes {@code [heads][tiles * tileKeys] u8}; a row is aligned to 1,024 bytes
 * @param counts {@code [heads][values][tiles] i32}: how many keys of a tile have a vote or a larger one; not
 *     defined for tiles without keys
 */
record RetrievalScratch(RetrievalSize size, int tileKeys, int tiles, Buffer blocks, Buffer votes,
    Buffer counts) {

  /** As many as a warp has lanes. */
  static final int MAX_TILES = 32;

  /** Entries besides its best that a tile may list, so that one round of counting usually suffices. */
  static final int SPARE = 28;

  /** Tiles that a block of the vote has at most. */
  static final int TILES_OF_VOTE = 2;

  /** Keys of a tile beyond which a block of the vote has one. */
  private static final int LONG_TILE = 8 * TokenSlabs.SLAB_TOKENS;

  /**
   * Allocates it for a GPU of so many multiprocessors.
   *
   * @param values how many different votes there are
   * @param queries that a KV head's query heads look for
   */
  static RetrievalScratch allocate(Allocator memory, KvShape shape, RetrievalSize size,
      int multiprocessors, int values, int queries) {
    int heads = size.rows() * shape.kvHeads();
    int tileKeys = tileKeys(size.keys(), heads, multiprocessors);
    int tiles = Math.max(1, Math.ceilDiv(size.keys(), tileKeys));
    return new RetrievalScratch(size, tileKeys, tiles,
        memory.allocate(DType.F32, queries, heads, shape.headDim()),
        memory.allocate(DType.U8, heads, (long) tiles * tileKeys),
        memory.allocate(DType.I32, heads, values, tiles));
  }

  /** Keys of a tile, such that a multiprocessor has about two. */
  private static int tileKeys(int keys, int heads, int multiprocessors) {
    int tiles = TILES_OF_VOTE
        * Math.clamp(multiprocessors / Math.max(1, heads), 1, MAX_TILES / TILES_OF_VOTE);
    int slabs = Math.ceilDiv(Math.ceilDiv(Math.max(1, keys), tiles), TokenSlabs.SLAB_TOKENS);
    return slabs * TokenSlabs.SLAB_TOKENS;
  }

  /**
   * Refuses a step that there is no room for.
   *
   * @throws IllegalArgumentException naming both numbers
   */
  void requireRoom(Kernels kernels, CudaKeyIndex index, Batch batch, Selection selection) {
    if (batch.rows() != size.rows()) {
      throw new IllegalArgumentException("a retrieval for " + size.rows()
          + " sequences cannot serve " + batch.rows() + "; open another");
    }
    ZoneRoom room = new ZoneRoom(kernels, index, batch);
    room.requireKeys("votes", DType.U8,
        votes.reshape(size.rows(), index.shape().kvHeads(), (long) tiles * tileKeys));
    room.requireSelected("selected positions", DType.I32, selection.positions());
  }

  /**
   * Tiles that a block of the vote should have: a multiprocessor's two, so that its table is made once and blocks of other
   * kernels have room beside it; one if they are long, so that two blocks share a multiprocessor.
   */
  int tilesOfVote() {
    return tileKeys > LONG_TILE ? 1 : TILES_OF_VOTE;
  }

  /** How many different votes there are. */
  int values() {
    return counts.shape().extent(1);
  }

  /** Rows times KV heads. */
  int heads() {
    return counts.shape().extent(0);
  }
}

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
 * @param blocks {@code [heads][headDim] f32}
 * @param votes {@code [heads][tiles * tileKeys] u8}; a row is aligned to 1,024 bytes
 * @param threshold {@code [heads] i32}: keys with more votes are candidates, and some with as many; -1 if
 *     all are
 * @param tileStart {@code [heads][tiles + 1] i32}: candidates in the tiles before; the last is their number
 * @param tileTies {@code [heads][tiles] i32}: keys of the tile with as many votes as the threshold that are
 *     candidates, those of the lowest positions
 * @param bestStart {@code [heads][tiles + 1] i32}: the sum over the tiles before of
 *     {@code min(k + SPARE, candidates of the tile)}, {@code k} being what the head's budget selects: what a
 *     tile lists of its best, as it need not find out which exactly the {@code k} best are
 */
record RetrievalScratch(RetrievalSize size, int tileKeys, int tiles, Buffer blocks, Buffer votes,
    Buffer threshold, Buffer tileStart, Buffer tileTies, Buffer bestStart) {

  /** As many as a warp has lanes, and a block warps. */
  static final int MAX_TILES = 32;

  /** Entries besides its best that a tile may list, so that one round of counting usually suffices. */
  static final int SPARE = 28;

  /** Allocates it; {@code blocks} is how many blocks, one a tile, the GPU works on at a time. */
  static RetrievalScratch allocate(Allocator memory, KvShape shape, RetrievalSize size,
      int blocks) {
    int heads = size.rows() * shape.kvHeads();
    int tileKeys = tileKeys(size.keys(), heads, blocks);
    int tiles = Math.max(1, Math.ceilDiv(size.keys(), tileKeys));
    return new RetrievalScratch(size, tileKeys, tiles,
        memory.allocate(DType.F32, heads, shape.headDim()),
        memory.allocate(DType.U8, heads, (long) tiles * tileKeys),
        memory.allocate(DType.I32, heads), memory.allocate(DType.I32, heads, tiles + 1),
        memory.allocate(DType.I32, heads, tiles), memory.allocate(DType.I32, heads, tiles + 1));
  }

  /** Keys of a tile, such that the tiles of all heads together are about as many as {@code blocks}. */
  private static int tileKeys(int keys, int heads, int blocks) {
    int tiles = Math.clamp(blocks / Math.max(1, heads), 1, MAX_TILES);
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

  /** Rows times KV heads. */
  int heads() {
    return Math.toIntExact(threshold.shape().axis(0));
  }
}

// retrieval_cut.cuh -- part of retrieval_select.cu and retrieval_head_scores.cu: where a KV head is cut, from how many keys
// of each tile have a vote. Every block finds that for itself: some KiB from L2 cost less than waiting for one block that
// finds it for all.

constexpr int MAX_TILES = WARP;  // RetrievalScratch.MAX_TILES: a lane has one tile
constexpr int TILES_OF_WARP = MAX_TILES / (BLOCK / WARP);
constexpr int VALUES_OF_LANE = BINS / WARP;

static_assert(MAX_TILES % (BLOCK / WARP) == 0, "the block's warps share the tiles evenly");

/** What a block knows of its tile; the same in every thread. */
struct Cut {
  int threshold;  // keys with more votes are candidates; -1 if all are
  int ties;       // and so many of the tile's first keys with as many
  int start;      // candidates in the tiles before
  int count;      // candidates in the tile
  int best;       // entries of the tiles before in the list of the best
  int kept;       // entries of the tile
  int listed;     // entries of all tiles
};

/** What a block has once for this. */
struct CutShared {
  uint32_t totals[BINS];  // keys of the head with a vote; zero before
  int above[MAX_TILES];   // keys of a tile above the threshold
  int at[MAX_TILES];      // and at it
};

/**
 * Cuts a head such that it has `wanted` candidates, the first of those that are equal, and lists at most `most` of a
 * tile. `counts` is [tiles][values], of which `used` tiles have keys; values are BINS at most.
 */
__device__ __forceinline__ Cut cut(const int* counts, int values, int used, int tile, int wanted, int most,
                                   CutShared& shared) {
  int of_tile[VALUES_OF_LANE][TILES_OF_WARP] = {};  // how many keys have value i * WARP + lane
#pragma unroll
  for (int i = 0; i < VALUES_OF_LANE; i++) {
    if (i * WARP < values) {  // for all lanes
#pragma unroll
      for (int t = 0; t < TILES_OF_WARP; t++) {
        int row = t * (BLOCK / WARP) + warp_id();
        int value = i * WARP + lane_id();
        of_tile[i][t] = row < used && value < values ? counts[row * values + value] : 0;
      }
    }
  }
#pragma unroll
  for (int i = 0; i < VALUES_OF_LANE; i++) {
    if (i * WARP < values) {
      int sum = 0;
#pragma unroll
      for (int t = 0; t < TILES_OF_WARP; t++) {
        sum += of_tile[i][t];
      }
      atomicAdd(shared.totals + i * WARP + lane_id(), uint32_t(sum));
    }
  }
  __syncthreads();  // all tiles are added
  Bin bin = find_bin(shared.totals, wanted + 1);
  int above[TILES_OF_WARP] = {};
  int at_it[TILES_OF_WARP] = {};
#pragma unroll
  for (int i = 0; i < VALUES_OF_LANE; i++) {
    if (i * WARP < values) {
      int value = i * WARP + lane_id();
#pragma unroll
      for (int t = 0; t < TILES_OF_WARP; t++) {
        above[t] += value > bin.index ? of_tile[i][t] : 0;
        at_it[t] += value == bin.index ? of_tile[i][t] : 0;
      }
    }
  }
#pragma unroll
  for (int t = 0; t < TILES_OF_WARP; t++) {
    above[t] = __reduce_add_sync(FULL_WARP, above[t]);
    at_it[t] = __reduce_add_sync(FULL_WARP, at_it[t]);
  }
  if (lane_id() == 0) {
#pragma unroll
    for (int t = 0; t < TILES_OF_WARP; t++) {
      shared.above[t * (BLOCK / WARP) + warp_id()] = above[t];
      shared.at[t * (BLOCK / WARP) + warp_id()] = at_it[t];
    }
  }
  __syncthreads();  // each tile has its two numbers
  int at = shared.at[lane_id()];  // a lane has a tile from here on
  int left = wanted - bin.before - (scan_through(at) - at);  // by the tiles before
  int ties = min(max(left, 0), at);
  int count = shared.above[lane_id()] + ties;
  int kept = min(count, most);
  int start = scan_through(count) - count;
  int through = scan_through(kept);
  auto of = [&](int value) { return __shfl_sync(FULL_WARP, value, tile); };
  return {bin.index, of(ties), of(start), of(count), of(through - kept), of(kept),
          __shfl_sync(FULL_WARP, through, WARP - 1)};
}

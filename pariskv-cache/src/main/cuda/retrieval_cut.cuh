// retrieval_cut.cuh -- part of retrieval_select.cu and retrieval_head_scores.cu: where a KV head is cut, from how many keys
// of each tile have a vote (vote_counts.cuh). Every block finds that for itself: some KiB from L2 and one barrier cost less
// than waiting for one block that finds it for all.

#include "vote_counts.cuh"

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

/** What a warp has of a head's counts: rows WARPS apart, a lane one tile of them. */
struct Reaching {
  static constexpr int ROWS = BINS / WARPS;  // values are BINS at most
  static_assert(ROWS <= WARP, "a lane decides on a row");
  int rows[ROWS];

  /** Starts loading, in whole rows of `tiles`, at most WARP: what they have of tiles without keys is not defined. */
  __device__ __forceinline__ void load(const int* counts, int values, int tiles) {
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
      int value = i * WARPS + warp_id();
      rows[i] = value < values && lane_id() < tiles ? counts[value * tiles + lane_id()] : 0;
    }
  }

  /**
   * Cuts a head such that it has `wanted` candidates, at least 1, the first of those that are equal, and lists at most
   * `most` of a tile. `used` tiles have keys. All threads of the block call it.
   */
  __device__ __forceinline__ Cut cut(const int* counts, int values, int tiles, int used, int tile, int wanted,
                                 int most) const {
    bool exists = lane_id() < used;
    int total = 0;  // keys of the head that reach this lane's row
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
      if (i * WARPS < values) {  // for all lanes
        int sum = __reduce_add_sync(FULL_WARP, exists ? rows[i] : 0);
        total = lane_id() == i ? sum : total;
      }
    }
    int threshold = __syncthreads_count(total > wanted) - 1;  // fewer reach what is larger
    auto reaching = [&](int value) { return exists && value < values ? counts[value * tiles + lane_id()] : 0; };
    int above = reaching(threshold + 1);  // from caches
    int at = threshold < 0 ? 0 : reaching(threshold) - above;
    int left = wanted - __reduce_add_sync(FULL_WARP, above) - (scan_through(at) - at);  // by the tiles before
    int ties = min(max(left, 0), at);
    int count = above + ties;
    int kept = min(count, most);
    int start = scan_through(count) - count;
    int through = scan_through(kept);
    auto of = [&](int number) { return __shfl_sync(FULL_WARP, number, tile); };
    return {threshold, of(ties), of(start), of(count), of(through - kept), of(kept),
            __shfl_sync(FULL_WARP, through, WARP - 1)};
  }
};

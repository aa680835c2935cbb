// vote_counts.cuh -- how many keys of each tile have which vote, from the kernels that count votes to those that cut. Without
// a guard: each needs it in its namespace, and before it a constant BLOCK, its threads.
//
// Votes are counted in a histogram that has a copy for every lane, so that no two lanes of a warp wait for each other:
// [values][WARP]. What it leaves of a KV head is [values][tiles]: how many keys of a tile have that vote or a larger
// one. Then the sum of a row says how many keys of the head do, and two rows what every tile has above a vote and at it.

constexpr int WARPS = BLOCK / WARP;

/** Adds the copies of a tile's histogram up, to entry v % WARP of row v. */
template <int VALUES>
__device__ __forceinline__ void add_copies(int* histogram) {
  constexpr int OF_WARP = ceil_div(VALUES, WARPS);
  int sums[OF_WARP];
#pragma unroll
  for (int i = 0; i < OF_WARP; i++) {  // all loads before the first store
    int value = i * WARPS + warp_id();
    sums[i] = value < VALUES ? histogram[value * WARP + lane_id()] : 0;
  }
#pragma unroll
  for (int i = 0; i < OF_WARP; i++) {
    sums[i] = __reduce_add_sync(FULL_WARP, sums[i]);
  }
#pragma unroll
  for (int i = 0; i < OF_WARP; i++) {
    int value = i * WARPS + warp_id();
    if (value < VALUES && lane_id() == value % WARP) {  // who has read it: nobody else's read is in the way
      histogram[value * WARP + lane_id()] = sums[i];
    }
  }
}

/** A warp adds those sums up, from the largest vote down, and leaves them in a column of `counts`, [values][tiles]. */
template <int VALUES>
__device__ __forceinline__ void store_reaching(const int* histogram, int tiles, int* counts) {
  constexpr int ROUNDS = ceil_div(VALUES, WARP);
  int entry = WARP - 1 - lane_id();  // descending: the lanes before have the larger votes
  int through[ROUNDS];
#pragma unroll
  for (int i = 0; i < ROUNDS; i++) {
    int value = i * WARP + entry;
    through[i] = scan_through(value < VALUES ? histogram[value * WARP + entry] : 0);
  }
  int larger = 0;
#pragma unroll
  for (int i = ROUNDS - 1; i >= 0; i--) {
    int value = i * WARP + entry;
    if (value < VALUES) {
      counts[value * tiles] = larger + through[i];
    }
    larger += __shfl_sync(FULL_WARP, through[i], WARP - 1);
  }
}

/**
 * The end of a block that has the histograms of `own` of a head's tiles one after another; `counts` begin with the first
 * one's.
 */
template <int VALUES>
__device__ __forceinline__ void store_counts(int* histogram, int own, int tiles, int* counts) {
  __syncthreads();  // all votes are counted
  for (int i = 0; i < own; i++) {
    add_copies<VALUES>(histogram + i * VALUES * WARP);
  }
  __syncthreads();  // all copies are added
  if (warp_id() < own) {
    store_reaching<VALUES>(histogram + warp_id() * VALUES * WARP, tiles, counts + warp_id());
  }
}

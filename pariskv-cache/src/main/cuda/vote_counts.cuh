// vote_counts.cuh -- the end of the kernels that count votes. Without a guard: each needs it in its namespace, and before
// it a constant BLOCK, its threads. Votes are counted in a histogram that has a copy for every lane, so that no two lanes
// of a warp wait for each other: [values][WARP].

constexpr int WARPS = BLOCK / WARP;

/** Adds the copies of a tile's histogram up. */
template <int VALUES>
__device__ __forceinline__ void store_counts(const int* histogram, int* counts) {
  constexpr int OF_WARP = ceil_div(VALUES, WARPS);
  int sums[OF_WARP];
#pragma unroll
  for (int i = 0; i < OF_WARP; i++) {  // all loads before the first store
    int value = min(i * WARPS + warp_id(), VALUES - 1);
    sums[i] = histogram[value * WARP + lane_id()];
  }
#pragma unroll
  for (int i = 0; i < OF_WARP; i++) {
    sums[i] = __reduce_add_sync(FULL_WARP, sums[i]);
  }
#pragma unroll
  for (int i = 0; i < OF_WARP; i++) {
    int value = i * WARPS + warp_id();
    if (lane_id() == 0 && value < VALUES) {
      counts[value] = sums[i];
    }
  }
}

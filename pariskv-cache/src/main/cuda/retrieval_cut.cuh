// retrieval_cut.cuh -- the end of retrieval_vote.cu and retrieval_score_vote.cu: where to cut the votes of a KV head. Without
// a guard: each needs it in its namespace. The block that comes last has a warp for every tile; together they add up the
// tiles' counts, find the threshold, and how many candidates each tile has.

constexpr int WARPS = BLOCK / WARP;
constexpr int MAX_TILES = 32;  // RetrievalScratch.MAX_TILES
constexpr int VOTES = 256;     // a vote is a byte

static_assert(MAX_TILES <= WARPS && MAX_TILES <= WARP, "a warp, then a lane, has one tile");

/** The cut of one KV head of one row, and what decides on it. */
struct Cut {
  int wanted;       // candidates
  int best;         // most entries that a tile has in the list of the best
  int* counts;      // [tiles][values]
  int* ticket;
  int* threshold;
  int* tile_start;  // [tiles + 1]
  int* tile_ties;   // [tiles]
  int* best_start;  // [tiles + 1]
};

/** What a block has once, besides its table and its histogram. */
struct Shared {
  int totals[VOTES];  // keys of the head with a vote
  int above[WARPS];   // keys of a tile above the threshold
  int at[WARPS];      // and at it
};

/** The sum of the values of this lane and those before it. */
__device__ __forceinline__ int scan_through(int value) {
#pragma unroll
  for (int distance = 1; distance < WARP; distance *= 2) {
    int before = __shfl_up_sync(FULL_WARP, value, distance);
    value += lane_id() >= distance ? before : 0;
  }
  return value;
}

/** The largest value that more than `wanted` keys reach, or -1; totals[value] keys have it. For a whole warp. */
template <int VALUES>
__device__ __forceinline__ int find_threshold(const int* totals, int wanted) {
  constexpr int PER_LANE = ceil_div(VALUES, WARP);
  int first = VALUES - 1 - lane_id() * PER_LANE;  // descending: a sum over the lanes before is one over larger values
  int sum = 0;
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) {
    sum += first >= i ? totals[first - i] : 0;
  }
  int reaching = scan_through(sum) - sum;
  int exceeding = 0;
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) {
    reaching += first >= i ? totals[first - i] : 0;
    exceeding += first >= i && reaching > wanted;
  }
  return warp_sum(exceeding) - 1;
}

/** From the counts of all tiles to where they are cut; the totals are zero. `used` tiles have keys. */
template <int VALUES>
__device__ __forceinline__ void cut(const Cut& c, int used, Shared& shared) {
  constexpr int PER_LANE = ceil_div(VALUES, WARP);
  int of_tile[PER_LANE];  // this warp's: how many keys have value i * WARP + lane
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) {
    int value = i * WARP + lane_id();
    bool exists = warp_id() < used && value < VALUES;
    of_tile[i] = exists ? __ldcg(c.counts + warp_id() * VALUES + value) : 0;
    if (exists) {
      atomicAdd(shared.totals + value, of_tile[i]);
    }
  }
  __syncthreads();  // all tiles are added
  int threshold = find_threshold<VALUES>(shared.totals, c.wanted);
  int above = 0;
  int at = 0;
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) {
    int value = i * WARP + lane_id();
    above += value > threshold ? of_tile[i] : 0;
    at += value == threshold ? of_tile[i] : 0;
  }
  above = __reduce_add_sync(FULL_WARP, above);
  at = __reduce_add_sync(FULL_WARP, at);
  if (lane_id() == 0) {
    shared.above[warp_id()] = above;
    shared.at[warp_id()] = at;
  }
  __syncthreads();  // each tile has its two numbers
  if (warp_id() != 0) {
    return;
  }
  int tile = lane_id();
  above = shared.above[tile];
  at = shared.at[tile];
  int left = c.wanted - warp_sum(above) - (scan_through(at) - at);  // by the tiles before
  int ties = min(max(left, 0), at);
  int start = scan_through(above + ties);
  int best = scan_through(min(above + ties, c.best));
  if (tile < int(gridDim.x)) {
    c.tile_ties[tile] = ties;
    c.tile_start[tile + 1] = start;
    c.best_start[tile + 1] = best;
  }
  if (tile == 0) {
    *c.threshold = threshold;
    c.tile_start[0] = 0;
    c.best_start[0] = 0;
  }
}

/** Adds the copies of a block's histogram up. */
template <int VALUES>
__device__ __forceinline__ void store_counts(const int* histogram, int* counts) {
#pragma unroll
  for (int value = warp_id(); value < VALUES; value += WARPS) {
    int count = __reduce_add_sync(FULL_WARP, histogram[value * WARP + lane_id()]);
    if (lane_id() == 0) {
      counts[value] = count;
    }
  }
}

/** The end of a block: its histogram has a copy for each lane. All threads of the head's `used` blocks call it. */
template <int VALUES>
__device__ __forceinline__ void count_and_cut(const Cut& c, int used, const int* histogram, Shared& shared) {
  __syncthreads();  // all votes are counted
  store_counts<VALUES>(histogram, c.counts + blockIdx.x * VALUES);
  if (is_last_block(c.ticket, used)) {
    cut<VALUES>(c, used, shared);
  }
}

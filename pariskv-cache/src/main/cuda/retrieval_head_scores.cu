// retrieval_head_scores.cu -- the third and fourth part of a fused retrieval per head: candidates and every head's
// estimates of them, as bucket_top_k.cu and rerank.cu would find them one after another, then retrieve.HeadScores.
//
// Two launches, since weights need the largest estimate of a head and the sum over all its candidates:
//   retrieval_head_estimates  each block has a tile of the vote. It finds where the KV head is cut (retrieval_cut.cuh),
//                             lists the tile's candidates and estimates them for one head after the other: their records
//                             come from memory once, then from caches. The block of a KV head that comes last finds the
//                             largest and the sum of each head
//   retrieval_head_weights    each thread adds up the weights of a candidate
// Bound by latency: of loads that wait for each other, and of one block that reads all estimates of a KV head.
//
// grid (tiles, rows * kvHeads), block 256. Blocks without candidates exit, or only arrive.
#include "pariskv.cuh"

constexpr int BLOCK = 256;
constexpr int CANDIDATES = 2;  // of a lane, and as many on their way
constexpr int MOST_OWN = 4;    // subspaces of a lane
#include "head_scores.cuh"
#include "retrieval_best.cuh"
#include "retrieval_candidates.cuh"
#include "retrieval_cut.cuh"

/** What `ordered` made bits of; they stand for every NaN as negative infinity, which makes no difference to a weight. */
__device__ __forceinline__ float estimate_of(uint32_t bits) {
  return __uint_as_float((bits & 0x80000000u) != 0 ? bits ^ 0x80000000u : ~bits);
}

/** What normalises a head's weights. */
struct Norm {
  float largest;
  int of_sum;
};

/** Of `count` estimates, for the whole block; the largest has bits `high`. */
__device__ __forceinline__ Norm find_norm(const uint32_t* bits, int count, uint32_t high, float to_octaves) {
  constexpr int LOADS = 8;
  __shared__ long long scratch[WARP];
  float largest = estimate_of(high);
  long long sum = 0;
  for (int first = threadIdx.x; first < count; first += LOADS * BLOCK) {
    uint32_t loaded[LOADS];
#pragma unroll
    for (int i = 0; i < LOADS; i++) {
      loaded[i] = first + i * BLOCK < count ? __ldcg(bits + first + i * BLOCK) : 0;
    }
#pragma unroll
    for (int i = 0; i < LOADS; i++) {
      if (first + i * BLOCK < count) {
        sum += addend(logarithm(estimate_of(loaded[i]), largest, to_octaves));
      }
    }
  }
  sum = block_sum(sum, scratch);
  return {largest, sum > 0 ? logarithm_of(sum) : 0x7fffffff};  // so large that all weights are 0
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_head_estimates(const uint64_t* record_table,  // [slots][layers][MAX_SLABS]
                             const int* budgets,            // [slots][BUDGET_FIELDS]
                             const int* slots,              // [rows]
                             int layer, int layers, int kv_heads, int group, int subspaces,
                             int tile_keys,                 // a multiple of SLAB_TOKENS
                             const float* blocks,           // [group][heads][headDim], heads being rows * kvHeads
                             const uint8_t* votes,          // [heads][tiles * tile_keys]
                             const int* vote_counts,        // [heads][256][tiles] keys with a vote or a larger one
                             int* totals,                   // [heads][group][256] of retrieval_head_vote; zero after
                             int room,                      // most candidates of a KV head
                             int* candidates,               // [heads][room] positions
                             uint32_t* estimates,           // [group][heads][room] as bits that ascend with them
                             uint32_t* highs,               // [group][heads][tiles] the largest of a tile
                             Norm* norms,                   // [group][heads]
                             int* tickets,                  // [heads] zero before and after
                             float to_octaves) {
  __shared__ Shared shared;
  int tile = int(blockIdx.x);
  int tiles = int(gridDim.x);
  int head = int(blockIdx.y);
  int heads = int(gridDim.y);
  int slot = slots[head / kv_heads];
  const int* budget = budgets + slot * BUDGET_FIELDS;
  int first = tile * tile_keys;
  int keys = min(budget[0], tiles * tile_keys);
  int wanted = min(min(budget[1], keys), room);
  const uint64_t* slabs = index_slabs(record_table, slot, layer, layers) + slab_index(first);
  fill_values(shared.values);
  await_previous();
  release_next();
  if (tile == 0) {
    for (int i = threadIdx.x; i < group * BINS; i += BLOCK) {
      totals[int64_t(head) * group * BINS + i] = 0;  // for the next step
    }
  }
  if (first >= keys || wanted == 0) {
    return;  // the whole block: no barrier is missed
  }
  int used = ceil_div(keys, tile_keys);
  const int* counts = vote_counts + int64_t(head) * BINS * tiles;
  Reaching reaching;
  reaching.load(counts, BINS, tiles);
  Cut own_cut = reaching.cut(counts, BINS, tiles, used, tile, wanted, 0);
  int count = own_cut.count;
  int* positions = candidates + int64_t(head) * room + own_cut.start;
  if (count > 0) {
    const uint4* tile_votes = reinterpret_cast<const uint4*>(votes + (int64_t(head) * tiles + tile) * tile_keys);
    uint4 first_votes = int(threadIdx.x) * VOTES < tile_keys ? tile_votes[threadIdx.x] : make_uint4(0, 0, 0, 0);
    list_candidates(tile_votes, first_votes, min(keys - first, tile_keys), own_cut.threshold, own_cut.ties, positions,
                    count);
  }
#pragma unroll 1
  for (int i = 0; i < group; i++) {
    int64_t own = int64_t(i) * heads + head;
    if (threadIdx.x == 0) {
      shared.high = 0;
    }
    __syncthreads();  // positions and values are there, and `high` is zero
    if (count > 0) {
      const float* p = blocks + own * subspaces * SUBSPACE_DIM;
      uint32_t* bits = estimates + own * room + own_cut.start;
      int kv_head = head % kv_heads;
      switch (subspaces) {
        case 2: estimate<2>(slabs, kv_head, p, positions, bits, count, shared); break;
        case 4: estimate<4>(slabs, kv_head, p, positions, bits, count, shared); break;
        case 8: estimate<8>(slabs, kv_head, p, positions, bits, count, shared); break;
        case 16: estimate<16>(slabs, kv_head, p, positions, bits, count, shared); break;
        case 32: estimate<32>(slabs, kv_head, p, positions, bits, count, shared); break;
      }
    }
    if (threadIdx.x == 0) {
      highs[own * tiles + tile] = shared.high;  // 0 without candidates
    }
  }
  for (int i = threadIdx.x; i < count; i += BLOCK) {
    positions[i] += first;
  }
  if (!is_last_block(tickets + head, used)) {
    return;
  }
  for (int i = 0; i < group; i++) {
    int64_t own = int64_t(i) * heads + head;
    uint32_t high = lane_id() < used ? __ldcg(highs + own * tiles + lane_id()) : 0;
    high = __reduce_max_sync(FULL_WARP, high);
    Norm norm = find_norm(estimates + own * room, wanted, high, to_octaves);
    if (threadIdx.x == 0) {
      norms[own] = norm;
    }
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    retrieval_head_weights(const int* budgets,      // [slots][BUDGET_FIELDS]
                           const int* slots,        // [rows]
                           int kv_heads, int group,
                           int most_keys,           // of a KV head
                           int room,                // most candidates of a KV head
                           uint32_t* estimates,     // [group][heads][room]; those of the first head become the weights
                           const Norm* norms,       // [group][heads], heads being rows * kvHeads
                           float to_octaves) {
  int head = int(blockIdx.y);
  int heads = int(gridDim.y);
  const int* budget = budgets + slots[head / kv_heads] * BUDGET_FIELDS;
  int count = min(min(budget[1], min(budget[0], most_keys)), room);
  await_previous();
  release_next();
  for (int i = int(blockIdx.x) * BLOCK + int(threadIdx.x); i < count; i += int(gridDim.x) * BLOCK) {
    uint32_t* bits = estimates + int64_t(head) * room + i;
    float sum = 0.0f;
#pragma unroll 4
    for (int g = 0; g < group; g++) {
      Norm norm = norms[g * heads + head];
      float estimate = estimate_of(bits[int64_t(g) * heads * room]);
      float own = weight(logarithm(estimate, norm.largest, to_octaves), norm.of_sum);
      sum = g == 0 ? own : __fadd_rn(sum, own);
    }
    *bits = __float_as_uint(sum);
  }
}

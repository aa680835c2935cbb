// retrieval_head_scores.cu -- the third and fourth part of a fused retrieval per head: candidates and every head's
// estimates of them, as bucket_top_k.cu and rerank.cu would find them one after another, then retrieve.HeadScores.
//
// Two launches over the tiles of the vote, since weights need the largest estimate of a head and the sum over all its
// candidates:
//   retrieval_head_estimates  each block lists its tile's candidates and estimates them for one head after the other: their
//                             records come from memory once, then from caches. The block of a KV head that comes last
//                             finds the largest and the sum of each head
//   retrieval_head_weights    each block adds up the weights of its tile's candidates
// Bound by latency: of loads that wait for each other, and of one block that reads all estimates of a KV head.
//
// grid (tiles, rows * kvHeads), block 512. Blocks without candidates exit, or only arrive.
#include "pariskv.cuh"

constexpr int BLOCK = 512;
#include "head_scores.cuh"
#include "retrieval_best.cuh"
#include "retrieval_candidates.cuh"

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
                             const int* thresholds,         // [heads]
                             const int* tile_start,         // [heads][tiles + 1] candidates in the tiles before
                             const int* tile_ties,          // [heads][tiles] how many to take at the threshold
                             int room,                      // most candidates of a KV head
                             int* candidates,               // [heads][room] positions in the tile
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
  int first = tile * tile_keys;
  int keys = min(budgets[slot * BUDGET_FIELDS], tiles * tile_keys);
  const uint64_t* slabs = index_slabs(record_table, slot, layer, layers) + slab_index(first);
  fill_values(shared.values);
  await_previous();
  release_next();
  if (first >= keys) {
    return;  // the whole block: no barrier is missed
  }
  const int* starts = tile_start + head * (tiles + 1);
  int start = min(starts[tile], room);
  int count = min(starts[tile + 1], room) - start;
  int* positions = candidates + int64_t(head) * room + start;
  const uint4* tile_votes = reinterpret_cast<const uint4*>(votes + (int64_t(head) * tiles + tile) * tile_keys);
  if (count > 0) {
    uint4 first_votes = int(threadIdx.x) * VOTES < tile_keys ? tile_votes[threadIdx.x] : make_uint4(0, 0, 0, 0);
    list_candidates(tile_votes, first_votes, min(keys - first, tile_keys), thresholds[head],
                    tile_ties[head * tiles + tile], positions, count);
  }
  for (int i = 0; i < group; i++) {
    int64_t own = int64_t(i) * heads + head;
    if (threadIdx.x == 0) {
      shared.high = 0;
    }
    __syncthreads();  // positions and values are there, and `high` is zero
    if (count > 0) {
      const float* p = blocks + own * subspaces * SUBSPACE_DIM;
      uint32_t* bits = estimates + own * room + start;
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
  int used = ceil_div(keys, tile_keys);
  if (!is_last_block(tickets + head, used)) {
    return;
  }
  for (int i = 0; i < group; i++) {
    int64_t own = int64_t(i) * heads + head;
    uint32_t high = lane_id() < used ? __ldcg(highs + own * tiles + lane_id()) : 0;
    high = __reduce_max_sync(FULL_WARP, high);
    Norm norm = find_norm(estimates + own * room, min(starts[tiles], room), high, to_octaves);
    if (threadIdx.x == 0) {
      norms[own] = norm;
    }
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    retrieval_head_weights(const int* budgets,      // [slots][BUDGET_FIELDS]
                           const int* slots,        // [rows]
                           int kv_heads, int group, int tile_keys,
                           const int* tile_start,   // [heads][tiles + 1], heads being rows * kvHeads
                           int room,                // most candidates of a KV head
                           int* candidates,         // [heads][room] positions in the tile, then in the zone
                           uint32_t* estimates,     // [group][heads][room]; those of the first head become the weights
                           const Norm* norms,       // [group][heads]
                           float to_octaves) {
  int tile = int(blockIdx.x);
  int tiles = int(gridDim.x);
  int head = int(blockIdx.y);
  int heads = int(gridDim.y);
  int first = tile * tile_keys;
  int keys = budgets[slots[head / kv_heads] * BUDGET_FIELDS];
  await_previous();
  release_next();
  if (first >= keys) {
    return;
  }
  const int* starts = tile_start + head * (tiles + 1);
  int end = min(starts[tile + 1], room);
  for (int i = min(starts[tile], room) + int(threadIdx.x); i < end; i += BLOCK) {
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
    candidates[int64_t(head) * room + i] += first;
  }
}

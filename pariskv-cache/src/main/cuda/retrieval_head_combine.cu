// retrieval_head_combine.cu -- retrieve.HeadVotes and a part of retrieve.BucketTopK in one launch, the second part of a
// fused retrieval per head: where each head would cut, the votes of a group's heads as one, and how many keys of each tile
// have which.
//
// A block has one tile of the keys of one KV head, a thread four keys at a time: a word of every head's votes. A warp finds
// where a head would cut, in every block anew: that is a KiB from L2. What a thread finds it counts at once. Bound by
// reading the votes, `group` bytes a key, most of them from L2.
//
// grid (tiles, rows * kvHeads), block 1024, dynamic shared memory 32 KiB and 16 bytes for each four heads of the group, which
// the compiler reads at once. Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

constexpr int BLOCK = 1024;
#include "retrieval_best.cuh"
#include "vote_counts.cuh"

constexpr int VOTES = BINS;  // a vote is a byte
constexpr int KEYS = 4;      // of a thread at a time

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_head_combine(const int* slots,         // [rows]
                           const int* budgets,       // [slots][BUDGET_FIELDS]
                           const uint8_t* of_heads,  // [group][heads][tiles * tile_keys], heads being rows * kvHeads
                           const uint32_t* totals,   // [heads][group][256] how many keys have a vote, but for 0
                           uint8_t* votes,           // [heads][tiles * tile_keys]
                           int tile_keys, int kv_heads, int group,
                           int room,                 // most candidates
                           int* counts) {            // [heads][256][tiles] keys with a vote or a larger one
  extern __shared__ __align__(16) int histogram[];
  int* cuts = histogram + VOTES * WARP;  // [group]
  for (int i = threadIdx.x; i < VOTES * WARP; i += BLOCK) {
    histogram[i] = 0;
  }
  int head = int(blockIdx.y);
  int heads = int(gridDim.y);
  int tiles = int(gridDim.x);
  const int* budget = budgets + slots[head / kv_heads] * BUDGET_FIELDS;
  int keys = min(budget[0], tiles * tile_keys);
  int wanted = min(min(budget[1], keys), room);
  int first = int(blockIdx.x) * tile_keys;
  await_previous();
  release_next();
  if (first >= keys) {
    return;  // the whole block: no barrier is missed
  }
  for (int i = warp_id(); i < group; i += WARPS) {
    int cut = find_bin(totals + (int64_t(head) * group + i) * VOTES, wanted).index;
    if (lane_id() == 0) {
      cuts[i] = max(cut, 0);  // all keys reach 0
    }
  }
  __syncthreads();  // the histogram is zero, the cuts are there
  int end = min(keys, first + tile_keys);
  int64_t row = int64_t(tiles) * tile_keys;
  for (int key = first + KEYS * int(threadIdx.x); key < end; key += KEYS * BLOCK) {
    const uint8_t* from = of_heads + head * row + key;
    int best[KEYS] = {-VOTES, -VOTES, -VOTES, -VOTES};
#pragma unroll 4
    for (int i = 0; i < group; i++) {
      uint32_t four = *reinterpret_cast<const uint32_t*>(from + i * heads * row);
      int cut = cuts[i];
#pragma unroll
      for (int j = 0; j < KEYS; j++) {
        best[j] = max(best[j], int(four >> 8 * j & 255) - cut);
      }
    }
    uint32_t combined = 0;
#pragma unroll
    for (int j = 0; j < KEYS; j++) {
      int vote = min(max(VOTES / 2 + best[j], 0), VOTES - 1);
      combined |= vote << 8 * j;
      if (key + j < end) {
        atomicAdd(histogram + vote * WARP + lane_id(), 1);
      }
    }
    *reinterpret_cast<uint32_t*>(votes + head * row + key) = combined;
  }
  store_counts<VOTES>(histogram, 1, tiles, counts + int64_t(head) * VOTES * tiles + blockIdx.x);
}

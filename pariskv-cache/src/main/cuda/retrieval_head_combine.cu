// retrieval_head_combine.cu -- the other half of retrieve.HeadVotes and half of retrieve.BucketTopK in one launch, the
// second part of a fused retrieval per head: the votes of a group's heads as one, and where to cut them.
//
// A block has one tile of the keys of one KV head, a thread four keys at a time: a word of every head's votes. What it
// finds it counts at once, in a histogram that has a copy for every lane; where to cut is found by the block of a KV head
// that comes last, as retrieval_cut.cuh says. Bound by reading the votes, `group` bytes a key, most of them from L2.
//
// grid (tiles, rows * kvHeads), block 1024, dynamic shared memory 32 KiB. Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

constexpr int BLOCK = 1024;
#include "retrieval_cut.cuh"

constexpr int KEYS = 4;  // of a thread at a time

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_head_combine(const int* slots,         // [rows]
                           const int* budgets,       // [slots][BUDGET_FIELDS]
                           const uint8_t* of_heads,  // [group][heads][tiles * tile_keys], heads being rows * kvHeads
                           const int* cuts,          // [group][heads]
                           uint8_t* votes,           // [heads][tiles * tile_keys]
                           int tile_keys, int kv_heads, int group,
                           int room,                 // most candidates
                           int k_room,               // most selected
                           int spare,                // entries that a tile may list besides its k best
                           int* counts,              // [heads][tiles][256] keys of a tile with a vote
                           int* tickets,             // [heads] zero before and after
                           int* threshold,           // [heads]
                           int* tile_start,          // [heads][tiles + 1]
                           int* tile_ties,           // [heads][tiles]
                           int* best_start) {        // [heads][tiles + 1]
  extern __shared__ int histogram[];
  __shared__ Shared shared;
  for (int i = threadIdx.x; i < VOTES * WARP; i += BLOCK) {
    histogram[i] = 0;
  }
  if (threadIdx.x < VOTES) {
    shared.totals[threadIdx.x] = 0;
  }
  int head = int(blockIdx.y);
  int heads = int(gridDim.y);
  int tiles = int(gridDim.x);
  const int* budget = budgets + slots[head / kv_heads] * BUDGET_FIELDS;
  int keys = min(budget[0], tiles * tile_keys);
  int first = int(blockIdx.x) * tile_keys;
  await_previous();
  release_next();
  if (first >= keys) {
    return;  // the whole block: no barrier is missed
  }
  __syncthreads();  // the histogram is zero
  int end = min(keys, first + tile_keys);
  int64_t row = int64_t(tiles) * tile_keys;
  for (int key = first + KEYS * int(threadIdx.x); key < end; key += KEYS * BLOCK) {
    const uint8_t* from = of_heads + head * row + key;
    int best[KEYS] = {-VOTES, -VOTES, -VOTES, -VOTES};
#pragma unroll 4
    for (int i = 0; i < group; i++) {
      uint32_t four = *reinterpret_cast<const uint32_t*>(from + i * heads * row);
      int cut = cuts[i * heads + head];
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
  Cut c = {min(min(budget[1], keys), room),
           min(budget[2], k_room) + spare,
           counts + int64_t(head) * tiles * VOTES,
           tickets + head,
           threshold + head,
           tile_start + int64_t(head) * (tiles + 1),
           tile_ties + int64_t(head) * tiles,
           best_start + int64_t(head) * (tiles + 1)};
  count_and_cut<VOTES>(c, ceil_div(keys, tile_keys), histogram, shared);
}

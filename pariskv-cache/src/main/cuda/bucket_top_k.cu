// bucket_top_k.cu -- retrieve.BucketTopK: the keys with most votes, ties by lower position, positions ascending
//
// Two launches over tiles of 4,096 keys, both bound by reading the votes, one byte a key:
//   bucket_top_k_threshold  each block counts its tile's votes; the block of a KV head that comes last adds the tiles
//                           up, finds the threshold, and how many keys above and at it precede each tile
//   bucket_top_k_write      each block writes its tile's candidates to the places that these numbers leave it
//
// A tile's counts are kept as "keys with at least so many votes", so that the counts above and at any threshold are
// two neighbours. Rows of votes start at any address: tiles are cut where loads of 128 bits are aligned, so the first
// tile of a row has fewer keys, and a load may take bytes of a neighbouring row along, which are then ignored.
//
// grid (tiles of the capacity, rows * kvHeads), block 256; blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

constexpr int BLOCK = 256;
constexpr int PER_THREAD = 16;            // votes of a 128-bit load
constexpr int TILE = BLOCK * PER_THREAD;  // its counts fit 16 bits
constexpr int VALUES = 256;               // of a vote, one for each thread of a block
constexpr int COPIES = 8;                 // of a histogram: most keys have few votes, and their lanes would queue

/** What a block works on: the votes of one KV head of one row. */
struct Votes {
  const uint8_t* aligned;  // vote of key 0 is at aligned[shift]
  int shift;
  int keys;
  int wanted;  // candidates to take
  int tiles;
};

__device__ __forceinline__ Votes votes_of_block(const int* slots, const int* budgets, const uint8_t* votes,
                                                int64_t capacity, int kv_heads, int64_t room) {
  const int* budget = budgets + slots[blockIdx.y / kv_heads] * BUDGET_FIELDS;
  const uint8_t* row = votes + blockIdx.y * capacity;
  Votes v;
  v.shift = int(reinterpret_cast<uintptr_t>(row) % PER_THREAD);
  v.aligned = row - v.shift;
  v.keys = int(min(int64_t(budget[0]), capacity));
  v.wanted = int(min(int64_t(min(budget[1], v.keys)), room));
  v.tiles = v.keys == 0 ? 0 : ceil_div(v.keys + v.shift, TILE);
  return v;
}

/** Key of the first vote that this thread loads; negative for the bytes before a row. */
__device__ __forceinline__ int first_key(const Votes& v) {
  return (int(blockIdx.x) * BLOCK + int(threadIdx.x)) * PER_THREAD - v.shift;
}

/** The thread's votes, and of which of them there is a key: bit i for vote i. */
__device__ __forceinline__ uint32_t load_votes(const Votes& v, uint32_t (&words)[PER_THREAD / 4]) {
  int first = first_key(v);
  if (first >= v.keys) {
    return 0;
  }
  uint4 loaded = load128(v.aligned + first + v.shift);
  words[0] = loaded.x;
  words[1] = loaded.y;
  words[2] = loaded.z;
  words[3] = loaded.w;
  uint32_t valid = (1u << PER_THREAD) - 1;
  if (first < 0) {
    valid &= valid << -first;
  }
  if (v.keys - first < PER_THREAD) {
    valid &= (1u << (v.keys - first)) - 1;
  }
  return valid;
}

__device__ __forceinline__ int vote_of(const uint32_t (&words)[PER_THREAD / 4], int i) {
  return words[i / 4] >> 8 * (i % 4) & 255;
}

/** Adds up the tiles: totals[value] becomes the number of keys with at least that many votes. */
__device__ void add_tiles(const uint16_t* reaching, int tiles, int* totals) {
  totals[threadIdx.x] = 0;
  if (threadIdx.x == 0) {
    totals[VALUES] = 0;
  }
  __syncthreads();  // all totals are zero
  int sums[8] = {};
#pragma unroll 4
  for (int tile = warp_id(); tile < tiles; tile += BLOCK / WARP) {  // a lane adds 8 values
    uint4 packed = __ldcg(reinterpret_cast<const uint4*>(reaching + int64_t(tile) * VALUES) + lane_id());
    uint32_t words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
    for (int i = 0; i < 8; i++) {
      sums[i] += words[i / 2] >> 16 * (i % 2) & 0xffff;
    }
  }
#pragma unroll
  for (int i = 0; i < 8; i++) {
    atomicAdd(totals + lane_id() * 8 + i, sums[i]);
  }
  __syncthreads();  // all warps have added theirs
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    bucket_top_k_threshold(const int* slots,      // [rows]
                           const int* budgets,    // [slots][BUDGET_FIELDS]
                           const uint8_t* votes,  // [rows][kvHeads][capacity]
                           int64_t capacity, int kv_heads,
                           int64_t room,          // capacity of the candidates
                           uint16_t* reaching,    // [rows][kvHeads][tiles][VALUES] keys of a tile with at least so many
                           int* tickets,          // [rows][kvHeads] zero before and after
                           int* thresholds,       // [rows][kvHeads][2] threshold, how many to take at it
                           int* offsets) {        // [rows][kvHeads][tiles][2] keys above and at it before the tile
  __shared__ __align__(16) int counts[VALUES * COPIES];
  __shared__ int scratch[WARP];
  __shared__ int totals[VALUES + 1];
  __shared__ int threshold;
  Votes v = votes_of_block(slots, budgets, votes, capacity, kv_heads, room);
  if (int(blockIdx.x) >= v.tiles) {
    return;
  }
  for (int i = threadIdx.x; i < VALUES * COPIES; i += BLOCK) {
    counts[i] = 0;
  }
  if (threadIdx.x == 0) {
    threshold = -1;  // below all votes: every key is taken
  }
  __syncthreads();  // all counts are zero
  uint32_t words[PER_THREAD / 4] = {};
  uint32_t valid = load_votes(v, words);
#pragma unroll
  for (int i = 0; i < PER_THREAD; i++) {
    if (valid >> i & 1) {
      atomicAdd(counts + vote_of(words, i) * COPIES + lane_id() % COPIES, 1);
    }
  }
  __syncthreads();  // all votes are counted
  int value = VALUES - 1 - int(threadIdx.x);  // descending: a sum over the threads before is one over larger values
  int count = 0;
#pragma unroll
  for (int copy = 0; copy < COPIES; copy += 4) {
    int4 four = *reinterpret_cast<const int4*>(counts + value * COPIES + copy);
    count += four.x + four.y + four.z + four.w;
  }
  int total;
  int more = block_scan(count, scratch, total);
  uint16_t* head_reaching = reaching + int64_t(blockIdx.y) * gridDim.x * VALUES;
  head_reaching[int64_t(blockIdx.x) * VALUES + value] = uint16_t(more + count);

  if (!is_last_block(tickets + blockIdx.y, v.tiles)) {
    return;
  }
  add_tiles(head_reaching, v.tiles, totals);
  if (totals[value] > v.wanted && totals[value + 1] <= v.wanted) {  // of one value at most: totals descend
    threshold = value;
  }
  __syncthreads();  // the threshold is known
  int* head_offsets = offsets + int64_t(blockIdx.y) * gridDim.x * 2;
  int above_before = 0;
  int at_before = 0;
  for (int first = 0; first < v.tiles; first += BLOCK) {
    int tile = first + int(threadIdx.x);
    int above = 0;
    int at = 0;
    if (tile < v.tiles) {
      const uint16_t* of_tile = head_reaching + int64_t(tile) * VALUES;
      above = threshold == VALUES - 1 ? 0 : __ldcg(of_tile + threshold + 1);
      at = threshold < 0 ? 0 : __ldcg(of_tile + threshold) - above;
    }
    int all_above;
    int all_at;
    int above_offset = above_before + block_scan(above, scratch, all_above);
    int at_offset = at_before + block_scan(at, scratch, all_at);
    if (tile < v.tiles) {
      head_offsets[2 * tile] = above_offset;
      head_offsets[2 * tile + 1] = at_offset;
    }
    above_before += all_above;
    at_before += all_at;
  }
  if (threadIdx.x == 0) {
    thresholds[2 * blockIdx.y] = threshold;
    thresholds[2 * blockIdx.y + 1] = v.wanted - above_before;
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    bucket_top_k_write(const int* slots,       // [rows]
                       const int* budgets,     // [slots][BUDGET_FIELDS]
                       const uint8_t* votes,   // [rows][kvHeads][capacity]
                       int64_t capacity, int kv_heads,
                       int64_t room,           // capacity of the candidates
                       const int* thresholds,  // [rows][kvHeads][2]
                       const int* offsets,     // [rows][kvHeads][tiles][2]
                       int* candidates) {      // [rows][kvHeads][room]
  __shared__ int scratch[WARP];
  Votes v = votes_of_block(slots, budgets, votes, capacity, kv_heads, room);
  if (int(blockIdx.x) >= v.tiles) {
    return;
  }
  int threshold = thresholds[2 * blockIdx.y];
  int take_at = thresholds[2 * blockIdx.y + 1];
  const int* before_tile = offsets + (int64_t(blockIdx.y) * gridDim.x + blockIdx.x) * 2;
  uint32_t words[PER_THREAD / 4] = {};
  uint32_t valid = load_votes(v, words);
  uint32_t above = 0;
  uint32_t at = 0;
#pragma unroll
  for (int i = 0; i < PER_THREAD; i++) {
    int vote = vote_of(words, i);
    above |= uint32_t(vote > threshold) << i;
    at |= uint32_t(vote == threshold) << i;
  }
  above &= valid;
  at &= valid;
  int total;
  int before = block_scan(__popc(above) | __popc(at) << 16, scratch, total);  // neither exceeds TILE
  int above_before = before_tile[0] + (before & 0xffff);
  int at_before = before_tile[1] + (before >> 16);
  at = lowest_bits(at, take_at - at_before);
  int* next = candidates + blockIdx.y * room + above_before + min(at_before, take_at);
  int first = first_key(v);
  for (uint32_t chosen = above | at; chosen != 0; chosen &= chosen - 1) {
    *next++ = first + __ffs(chosen) - 1;
  }
}

// retrieval_select.cu -- last part of a fused retrieval: candidates, their estimates and the k best of them, as
// bucket_top_k.cu, rerank.cu and top_k.cu would find them one after another
//
// A block has a tile of a KV head's keys. It finds where the head is cut (retrieval_cut.cuh), reads its keys' votes, lists
// the candidates in shared memory (in device memory if there are too many), estimates them from their records, and leaves
// the tile's k best and at most `spare` others to the block of the head that comes last, which finds the k best of all.
// Nothing but these lists, 8 bytes an entry, passes through device memory.
// What bounds it: at 128K keys latency, of loads that wait for each other (counts, records, ticket, list) and of the
// rounds of two selections, and instructions, of which each one that all warps have to issue costs as many cycles as there
// are warps on a quarter of a multiprocessor: so blocks are small, and threads have many registers instead. At 1M keys
// records of 6 * subspaces bytes from all over the zone. A lane loads those of CANDIDATES candidates while it estimates
// as many others.
//
// The kernel before is retrieval_vote, which let this one begin after its own wait: all older ones have ended, and what
// it does not write itself, budgets, slots and slabs, can be read before the wait.
//
// grid (tiles, rows * kvHeads), block 256, dynamic shared memory: addresses of the tile's slabs, then `held` words.

constexpr int BLOCK = 256;
constexpr int CANDIDATES = 4;  // of a lane, and as many on their way
#include "retrieval_best.cuh"
#include "retrieval_candidates.cuh"
#include "retrieval_cut.cuh"

constexpr int COPIED = 8;  // entries that a thread copies at once

/** Bits of scores, in shared or device memory. */
template <int LOADS>
struct List {
  static constexpr int IN_FLIGHT = LOADS;
  const uint32_t* bits;

  __device__ __forceinline__ uint32_t operator()(int index) const { return bits[index]; }
};
using Near = List<4>;
using Far = List<32>;

/** Copies a list to shared memory. */
__device__ __forceinline__ void copy(const int* positions, const uint32_t* bits, int count, uint32_t* words) {
  for (int first = threadIdx.x; first < count; first += COPIED * BLOCK) {
    uint2 entries[COPIED];
#pragma unroll
    for (int i = 0; i < COPIED; i++) {
      int index = first + i * BLOCK;
      entries[i] = index < count ? make_uint2(positions[index], bits[index]) : make_uint2(0, 0);
    }
#pragma unroll
    for (int i = 0; i < COPIED; i++) {
      int index = first + i * BLOCK;
      if (index < count) {
        words[index] = entries[i].x;
        words[count + index] = entries[i].y;
      }
    }
  }
}

/**
 * The k best of a head's list, by its last block, which has `held` words of shared memory. `high` is the largest of the
 * lane's tile.
 */
__device__ __forceinline__ void select(const int* positions, const uint32_t* bits, int count, int k, uint32_t high,
                                       Search& search, uint32_t* bins, uint32_t* words, int held, int* selected) {
  int near_count = count;
  if (2 * count <= held) {
    copy(positions, bits, count, words);
    search.begin(k, count, __reduce_max_sync(FULL_WARP, high));
  } else {
    Far list{bits};
    search.begin(k, count, __reduce_max_sync(FULL_WARP, high));
    while (!search.exact() && 2 * search.taken() > held) {
      search.narrow(list, count, bins);
    }
    near_count = search.taken();
    bool fits = 2 * near_count <= held;  // or the search has ended
    take_best(list, count, search.threshold(),
              [&](int index) { return make_uint2(positions[index], fits ? bits[index] : 0); },
              [&](int place, uint2 entry) {
                if (fits) {
                  words[place] = entry.x;
                  words[near_count + place] = entry.y;
                } else {
                  selected[place] = int(entry.x);
                }
              });
    if (!fits) {
      return;
    }
  }
  __syncthreads();  // the short list is there
  Near list{words + near_count};
  while (!search.exact()) {
    search.narrow(list, near_count, bins);
  }
  take_best(list, near_count, search.threshold(), [&](int index) { return make_uint2(words[index], 0); },
            [&](int place, uint2 entry) { selected[place] = int(entry.x); });
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_select(const uint64_t* record_table,  // [slots][layers][MAX_SLABS]
                     const int* budgets,            // [slots][BUDGET_FIELDS]
                     const int* slots,              // [rows]
                     int layer, int layers, int kv_heads, int subspaces,
                     int tile_keys,                 // a multiple of SLAB_TOKENS
                     const float* blocks,           // [rows][kvHeads][headDim]
                     const uint8_t* votes,          // [rows][kvHeads][tiles * tile_keys]
                     const int* vote_counts,        // [rows][kvHeads][tiles][values] keys of a tile with a vote
                     int values,                    // that a vote can have, BINS at most
                     int spare,                     // entries that a tile lists besides its k best
                     int held,                      // words of shared memory, enough for `surplus` to be unused or not 0
                     int candidate_room,            // most candidates of a KV head
                     int* surplus,                  // [rows][kvHeads][2][candidate_room], or nullptr
                     int best_room,                 // most entries of a KV head
                     int* best_positions,           // [rows][kvHeads][best_room] the k best of each tile, some more
                     uint32_t* best_bits,           // [rows][kvHeads][best_room] their scores, 0 where there is none
                     uint32_t* highs,               // [rows][kvHeads][tiles] the largest of a tile
                     int* tickets,                  // [rows][kvHeads] zero before and after
                     int capacity,                  // of the selection
                     int* selected,                 // [rows][kvHeads][capacity]
                     int* counts) {                 // [rows][kvHeads]
  extern __shared__ uint64_t slabs[];
  __shared__ __align__(16) uint32_t bins[BIN_SETS * BINS];
  __shared__ __align__(16) CutShared cut_shared;
  __shared__ Shared shared;
  int tile = blockIdx.x;
  int tiles = gridDim.x;
  int64_t head = blockIdx.y;
  int first_key = tile * tile_keys;
  int slab_count = min(tile_keys / SLAB_TOKENS, MAX_SLABS - slab_index(first_key));
  int slot = slots[head / kv_heads];
  const uint64_t* slab_table = index_slabs(record_table, slot, layer, layers) + slab_index(first_key);
  for (int i = threadIdx.x; i < slab_count; i += BLOCK) {
    copy_address(slabs + i, slab_table + i);
  }
  const int* budget = budgets + slot * BUDGET_FIELDS;
  int keys = min(budget[0], tiles * tile_keys);
  int wanted = min(min(budget[1], keys), candidate_room);
  int k = min(budget[2], capacity);
  fill_values(shared.values);
  if (threadIdx.x < BINS) {
    bins[threadIdx.x] = 0;
    cut_shared.totals[threadIdx.x] = 0;
  }
  if (threadIdx.x == 0) {
    shared.high = 0;
  }
  __syncthreads();  // the totals are zero
  await_previous();
  release_next();
  if (first_key >= keys || wanted == 0 || k == 0) {
    wait_for_copies();
    if (tile == 0 && threadIdx.x == 0) {
      counts[head] = 0;
    }
    return;
  }
  const uint4* tile_votes = reinterpret_cast<const uint4*>(votes + (head * tiles + tile) * tile_keys);
  uint4 first_votes = int(threadIdx.x) * VOTES < tile_keys ? tile_votes[threadIdx.x] : make_uint4(0, 0, 0, 0);
  int used = ceil_div(keys, tile_keys);
  Cut own = cut(vote_counts + head * tiles * values, values, used, tile, wanted, k + spare, cut_shared);
  wait_for_copies();
  k = min(k, own.listed);
  int64_t best = head * best_room + own.best;
  int count = own.count;
  int kept = own.kept;
  uint32_t* words = reinterpret_cast<uint32_t*>(slabs + tile_keys / SLAB_TOKENS);
  Search search;
  search.set = 0;
  if (kept > 0) {
    bool fits = 2 * count <= held;
    int* positions = fits ? reinterpret_cast<int*>(words) : surplus + head * 2 * candidate_room + own.start;
    uint32_t* bits = reinterpret_cast<uint32_t*>(positions) + (fits ? count : candidate_room);
    list_candidates(tile_votes, first_votes, min(keys - first_key, tile_keys), own.threshold, own.ties, positions,
                    count);
    __syncthreads();  // positions and addresses are there
    int kv_head = int(head % kv_heads);
    const float* p = blocks + head * subspaces * SUBSPACE_DIM;
    switch (subspaces) {
      case 2: estimate<2>(slabs, kv_head, p, positions, bits, count, shared); break;
      case 4: estimate<4>(slabs, kv_head, p, positions, bits, count, shared); break;
      case 8: estimate<8>(slabs, kv_head, p, positions, bits, count, shared); break;
      case 16: estimate<16>(slabs, kv_head, p, positions, bits, count, shared); break;
      case 32: estimate<32>(slabs, kv_head, p, positions, bits, count, shared); break;
    }
    Near list{bits};
    search.begin(kept == count ? count : min(k, kept), count, shared.high);
    while (search.taken() > kept && !search.exact()) {
      search.narrow(list, count, bins);
    }
    take_best(list, count, search.threshold(), [&](int index) { return make_uint2(positions[index], bits[index]); },
              [&](int place, uint2 entry) {
                best_positions[best + place] = first_key + int(entry.x);
                best_bits[best + place] = entry.y;
              });
    for (int i = search.taken() + int(threadIdx.x); i < kept; i += BLOCK) {
      best_bits[best + i] = 0;
    }
  }
  if (threadIdx.x == 0) {
    highs[head * tiles + tile] = shared.high;
  }
  if (is_last_block(tickets + head, used)) {
    if (threadIdx.x == 0) {
      counts[head] = k;
    }
    uint32_t high = lane_id() < used ? highs[head * tiles + lane_id()] : 0;
    select(best_positions + head * best_room, best_bits + head * best_room, own.listed, k, high, search, bins, words,
           held, selected + head * capacity);
  }
}

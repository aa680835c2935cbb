// retrieval_select.cu -- last part of a fused retrieval: candidates, their estimates and the k best of them, as
// bucket_top_k.cu, rerank.cu and top_k.cu would find them one after another
//
// A block has a tile of a KV head's keys. It finds where the head is cut (retrieval_cut.cuh), reads its keys' votes, lists
// the candidates in shared memory (in device memory if there are too many), estimates them from their records, and leaves
// the tile's k best and at most `spare` others to the block of the head that comes last, which finds the k best of all.
// Nothing but these lists, 8 bytes an entry, passes through device memory.
// What bounds it: at 128K keys latency, of loads that wait for each other (votes and counts, records, ticket, list) and of
// the rounds of two selections; at 1M records of 6 * subspaces bytes from all over the zone. Measured by clocks in the
// kernel, 128K keys of 8 heads, k = 100, us: votes, counts and the cut 2.9, candidates listed 1.8, estimated 6.5 (two sets of
// records of a lane, and 64 look-ups of values, of which a multiprocessor does one a cycle for a warp), best of the tile 2.4,
// ticket 0.8, best of all 4.5 to 7: 20 in all, 26 with what lies between this kernel and the one before. Half as many threads
// with twice the work each took 28, `sharp`, with fewer candidates, takes 16.
//
// The kernel before is retrieval_vote, which let this one begin after its own wait: all older ones have ended, and what
// it does not write itself, budgets, slots and slabs, can be read before the wait. Half of the blocks have room beside it;
// the others begin when it has ended, so votes and counts are loaded without waiting for the budget.
//
// grid (tiles, rows * kvHeads), block 512, dynamic shared memory: addresses of the tile's slabs, then `held` words.

constexpr int BLOCK = 512;
constexpr int CANDIDATES = 4;  // of a lane, and as many on their way
constexpr int MOST_OWN = 2;    // subspaces of a lane
#include "retrieval_best.cuh"
#include "retrieval_candidates.cuh"
#include "retrieval_cut.cuh"

/** Bits of scores, in shared or device memory. */
template <int LOADS>
struct List {
  static constexpr int IN_FLIGHT = LOADS;
  const uint32_t* bits;

  __device__ __forceinline__ uint32_t operator()(int index) const { return bits[index]; }
};
using Near = List<4>;
using Far = List<16>;

/** Starts a copy to shared memory, of 4 or 8 bytes. */
template <typename T, typename S>
__device__ __forceinline__ void copy_async(T* target, const S* source) {
  static_assert(sizeof(T) == sizeof(S), "a copy of bits");
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(shared_address(target)),
               "l"(__cvta_generic_to_global(source)), "n"(sizeof(T))
               : "memory");
}

/**
 * The k best of a head's list, by its last block, which has `held` words of shared memory: for scores and positions, else
 * for scores, else for those that a few rounds leave. `high` is the largest of the lane's tile.
 */
__device__ __forceinline__ void select(const int* positions, const uint32_t* bits, int count, int k, uint32_t high,
                                       Search& search, uint32_t* bins, uint32_t* words, int held, int* selected) {
  int near_count = count;
  const int* near_positions = positions;
  search.begin(k, count, __reduce_max_sync(FULL_WARP, high));
  if (count <= held) {
    bool both = 2 * count <= held;
    for (int i = threadIdx.x; i < count; i += BLOCK) {
      copy_async(words + i, bits + i);
      if (both) {
        copy_async(words + count + i, positions + i);
      }
    }
    near_positions = both ? reinterpret_cast<const int*>(words + count) : positions;
    wait_for_copies();
  } else {
    Far list{bits};
    while (!search.exact() && 2 * search.taken() > held) {
      search.narrow(list, count, bins);
    }
    near_count = search.taken();
    near_positions = reinterpret_cast<const int*>(words + near_count);
    bool fits = 2 * near_count <= held;  // or the search has ended
    take_best(list, count, search.threshold(),
              [&](int index) { return make_uint2(positions[index], fits ? bits[index] : 0); },
              [&](int place, uint2 entry) {
                if (fits) {
                  words[place] = entry.y;
                  words[near_count + place] = entry.x;
                } else {
                  selected[place] = int(entry.x);
                }
              });
    if (!fits) {
      return;
    }
  }
  __syncthreads();  // the short list is there
  Near list{words};
  while (!search.exact()) {
    search.narrow(list, near_count, bins);
  }
  take_best(list, near_count, search.threshold(), [&](int index) { return make_uint2(near_positions[index], 0); },
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
                     const int* vote_counts,        // [rows][kvHeads][values][tiles] keys with a vote or a larger one
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
  __shared__ Shared shared;
  int tile = blockIdx.x;
  int tiles = gridDim.x;
  int head = int(blockIdx.y);
  int first_key = tile * tile_keys;
  int slab_count = min(tile_keys / SLAB_TOKENS, MAX_SLABS - slab_index(first_key));
  int slot = slots[head / kv_heads];
  const uint64_t* slab_table = index_slabs(record_table, slot, layer, layers) + slab_index(first_key);
  for (int i = threadIdx.x; i < slab_count; i += BLOCK) {
    copy_async(slabs + i, slab_table + i);
  }
  const int* budget = budgets + slot * BUDGET_FIELDS;
  int limits[3] = {budget[0], budget[1], budget[2]};
  fill_values(shared.values);
  if (threadIdx.x < BINS) {
    bins[threadIdx.x] = 0;
  }
  if (threadIdx.x == 0) {
    shared.high = 0;
  }
  await_previous();
  release_next();
  const uint4* tile_votes = reinterpret_cast<const uint4*>(votes + (int64_t(head) * tiles + tile) * tile_keys);
  uint4 first_votes = int(threadIdx.x) * VOTES < tile_keys ? tile_votes[threadIdx.x] : make_uint4(0, 0, 0, 0);
  const int* head_counts = vote_counts + int64_t(head) * values * tiles;
  Reaching reaching;
  reaching.load(head_counts, values, tiles);
  int keys = min(limits[0], tiles * tile_keys);
  int wanted = min(min(limits[1], keys), candidate_room);
  int k = min(limits[2], capacity);
  if (first_key >= keys || wanted == 0 || k == 0) {
    wait_for_copies();
    if (tile == 0 && threadIdx.x == 0) {
      counts[head] = 0;
    }
    return;
  }
  int used = ceil_div(keys, tile_keys);
  Cut own = reaching.cut(head_counts, values, tiles, used, tile, wanted, k + spare);
  wait_for_copies();
  k = min(k, own.listed);
  int count = own.count;
  int kept = own.kept;
  uint32_t* words = reinterpret_cast<uint32_t*>(slabs + tile_keys / SLAB_TOKENS);
  Search search;
  search.set = 0;
  if (kept > 0) {
    bool fits = 2 * count <= held;
    int* positions = fits ? reinterpret_cast<int*>(words) : surplus + int64_t(head) * 2 * candidate_room + own.start;
    uint32_t* bits = reinterpret_cast<uint32_t*>(positions) + (fits ? count : candidate_room);
    list_candidates(tile_votes, first_votes, min(keys - first_key, tile_keys), own.threshold, own.ties, positions,
                    count);
    __syncthreads();  // positions and addresses are there
    int kv_head = head % kv_heads;
    const float* p = blocks + int64_t(head) * subspaces * SUBSPACE_DIM;
    switch (subspaces) {
      case 2: estimate<2>(slabs, kv_head, p, positions, bits, count, shared); break;
      case 4: estimate<4>(slabs, kv_head, p, positions, bits, count, shared); break;
      case 8: estimate<8>(slabs, kv_head, p, positions, bits, count, shared); break;
      case 16: estimate<16>(slabs, kv_head, p, positions, bits, count, shared); break;
      case 32: estimate<32>(slabs, kv_head, p, positions, bits, count, shared); break;
    }
    int64_t best = int64_t(head) * best_room + own.best;
    if (kept == count) {
      for (int i = threadIdx.x; i < count; i += BLOCK) {
        best_positions[best + i] = first_key + positions[i];
        best_bits[best + i] = bits[i];
      }
    } else {
      Near list{bits};
      search.begin(min(k, kept), count, shared.high);
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
  }
  if (threadIdx.x == 0) {
    highs[head * tiles + tile] = shared.high;
  }
  if (is_last_block(tickets + head, used)) {
    if (threadIdx.x == 0) {
      counts[head] = k;
    }
    uint32_t high = lane_id() < used ? highs[head * tiles + lane_id()] : 0;
    int64_t first = int64_t(head) * best_room;
    select(best_positions + first, best_bits + first, own.listed, k, high, search, bins, words, held,
           selected + int64_t(head) * capacity);
  }
}

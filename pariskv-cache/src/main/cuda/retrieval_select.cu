// retrieval_select.cu -- last part of a fused retrieval: candidates, their estimates and the k best of them, as
// bucket_top_k.cu, rerank.cu and top_k.cu would find them one after another
//
// A block has a tile of a KV head's keys. It reads their votes, lists the candidates in shared memory (in device memory
// if there are too many), estimates them from their records, and leaves the tile's k best and at most `spare` others to
// the block of the head that comes last, which finds the k best of all. Nothing but these lists, 8 bytes an entry, passes
// through device memory.
// What bounds it: at 128K keys latency, of loads that wait for each other (votes, records, ticket, list) and of the
// rounds of two selections; at 1M records of 6 * subspaces bytes from all over the zone. A lane loads those of CANDIDATES
// candidates while it estimates as many others.
//
// The kernel before is retrieval_vote, which let this one begin after its own wait: all older ones have ended, and what
// it does not write itself, budgets, slots and slabs, can be read before the wait.
//
// grid (tiles, rows * kvHeads), block 512, dynamic shared memory: addresses of the tile's slabs, then `held` words.

constexpr int BLOCK = 512;
#include "retrieval_best.cuh"
#include "retrieval_candidates.cuh"

constexpr int CACHED = 8192;  // entries of a list that stay in L1 from round to round

/** Bits of scores, in shared or device memory. */
template <int LOADS>
struct List {
  static constexpr int IN_FLIGHT = LOADS;
  const uint32_t* bits;

  __device__ __forceinline__ uint32_t operator()(int index) const { return bits[index]; }
};
using Near = List<4>;
using Far = List<16>;

/** The k best of a head's list, by its last block; `words` is shared memory, `held` of them. */
__device__ __forceinline__ void select(const int* positions, const uint32_t* bits, int count, Search& search,
                                       uint32_t* bins, uint32_t* words, int held, int* selected) {
  Far list{bits};
  if (!search.exact()) {
    search.narrow(list, count, bins);
  }
  while (!search.exact() && (count <= CACHED || 2 * search.taken() > held)) {
    search.narrow(list, count, bins);
  }
  if (search.exact()) {
    take_best(list, count, search.threshold(), [&](int index) { return make_uint2(positions[index], 0); },
              [&](int place, uint2 entry) { selected[place] = int(entry.x); });
    return;
  }
  int near_count = search.taken();
  uint32_t* near_bits = words + near_count;
  take_best(list, count, search.threshold(), [&](int index) { return make_uint2(positions[index], bits[index]); },
            [&](int place, uint2 entry) {
              words[place] = entry.x;
              near_bits[place] = entry.y;
            });
  __syncthreads();  // the short list is there
  Near near_list{near_bits};
  while (!search.exact()) {
    search.narrow(near_list, near_count, bins);
  }
  take_best(near_list, near_count, search.threshold(), [&](int index) { return make_uint2(words[index], 0); },
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
                     const int* thresholds,         // [rows][kvHeads]
                     const int* tile_start,         // [rows][kvHeads][tiles + 1] candidates in the tiles before
                     const int* tile_ties,          // [rows][kvHeads][tiles] how many to take at the threshold
                     const int* best_start,         // [rows][kvHeads][tiles + 1] entries of the tiles before
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
  int k = keys == 0 ? 0 : min(budget[2], capacity);
  fill_values(shared.values);
  if (threadIdx.x < BINS) {
    bins[threadIdx.x] = 0;
  }
  if (threadIdx.x == 0) {
    shared.high = 0;
  }
  await_previous();
  release_next();
  const uint4* tile_votes = reinterpret_cast<const uint4*>(votes + (head * tiles + tile) * tile_keys);
  uint4 first_votes = int(threadIdx.x) * VOTES < tile_keys ? tile_votes[threadIdx.x] : make_uint4(0, 0, 0, 0);
  const int* starts = tile_start + head * (tiles + 1);
  const int* bests = best_start + head * (tiles + 1);
  int start = min(starts[tile], candidate_room);
  int count = min(starts[tile + 1], candidate_room) - start;
  int64_t best = head * best_room + min(bests[tile], best_room);
  int kept = min(min(bests[tile + 1], best_room) - min(bests[tile], best_room), count);
  int threshold = thresholds[head];
  int ties = tile_ties[head * tiles + tile];
  int listed = min(bests[tiles], best_room);
  k = min(k, listed);
  wait_for_copies();
  if (k == 0 || first_key >= keys) {
    if (tile == 0 && threadIdx.x == 0) {
      counts[head] = 0;
    }
    return;
  }
  uint32_t* words = reinterpret_cast<uint32_t*>(slabs + tile_keys / SLAB_TOKENS);
  Search search;
  search.set = 0;
  if (kept > 0) {
    bool fits = 2 * count <= held;
    int* positions = fits ? reinterpret_cast<int*>(words) : surplus + head * 2 * candidate_room + start;
    uint32_t* bits = reinterpret_cast<uint32_t*>(positions) + (fits ? count : candidate_room);
    list_candidates(tile_votes, first_votes, min(keys - first_key, tile_keys), threshold, ties, positions, count);
    __syncthreads();  // positions, addresses and values are there
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
  int used = ceil_div(keys, tile_keys);
  if (is_last_block(tickets + head, used)) {
    if (threadIdx.x == 0) {
      counts[head] = k;
    }
    uint32_t high = lane_id() < used ? highs[head * tiles + lane_id()] : 0;
    search.begin(k, listed, __reduce_max_sync(FULL_WARP, high));
    select(best_positions + head * best_room, best_bits + head * best_room, listed, search, bins, words, held,
           selected + head * capacity);
  }
}

// retrieval_vote.cu -- retrieve.CollisionVote and half of retrieve.BucketTopK in one launch, the second part of the
// fused retrieval: the votes, and where to cut them.
//
// A block has one tile of the keys of one KV head; the host cuts tiles such that all blocks run at a time. How it votes
// is in collision_vote.cuh. A lane loads the next ids as soon as it has looked the last ones up, and the first before
// the table is filled. What it votes it counts at once, in a histogram that has a copy for every lane, so that no two
// lanes of a warp wait for each other. Where to cut is found by the block of a KV head that comes last, as
// retrieval_cut.cuh says. Bound by reading the ids; what comes after them costs about 2 us.
//
// The kernel before is always retrieval_table, which let this one begin after its own wait: all older ones have ended,
// and it writes nothing but query blocks and tiers itself. So slots, budgets and ids are read before the wait.
//
// grid (tiles, rows * kvHeads), block 1024, dynamic shared memory 64 KiB for the table and 128 bytes for each value
// that a vote can have, 0 to 6 * subspaces. Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

#include "collision_vote.cuh"
#include "retrieval_cut.cuh"

constexpr int TABLE_BYTES = CENTROIDS * 2 * WARP * 4;
constexpr int TOP_TIER = 6;

/** What a block works on: one KV head of one row. */
struct Head {
  const uint64_t* slabs;
  int kv_head;
  int keys;
  const uint8_t* tiers;  // [subspaces][256]
  uint8_t* votes;
};

/** Votes for keys first to end - 1 and counts the votes; there is one key at least. Waits for the table's kernel. */
template <int SUBSPACES>
__device__ __forceinline__ void vote(const Head& h, int first, int end, uint8_t* table, int* histogram) {
  using S = Split<SUBSPACES>;
  int part = lane_id() % S::LANES;
  int mine = lane_id() / S::LANES;
  uint32_t ids[IN_FLIGHT][S::WORDS];
  int tile = first + warp_id() * S::WARP_TILE;
  if (tile < end) {
    const uint8_t* from = S::first_ids(h.slabs, h.kv_head, tile);
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {  // keys beyond the last are read too: their slab has room for them
      load_ids<SUBSPACES>(from + i * S::KEYS * SUBSPACES, ids[i]);
    }
  }
  await_previous();
  release_next();
  fill_table<SUBSPACES>(h.tiers, reinterpret_cast<uint32_t*>(table));
  __syncthreads();  // the table is complete, the histogram zero
  while (tile < end) {
    int next = tile + S::BLOCK_TILE;
    bool more = next < end;
    const uint8_t* from = S::first_ids(h.slabs, h.kv_head, more ? next : tile);
    uint32_t sums = 0;
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      sums |= look_up<SUBSPACES>(table, ids[i]) << 8 * i;
      if (more) {
        load_ids<SUBSPACES>(from + i * S::KEYS * SUBSPACES, ids[i]);
      }
    }
    sums = add_parts<SUBSPACES>(sums);
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i += S::LANES) {  // the lanes of a key take turns
      int key = tile + (i + part) * S::KEYS + mine;
      int vote = sums >> 8 * (i + part) & 255;
      if (key < end) {
        h.votes[key] = uint8_t(vote);
        atomicAdd(histogram + vote * WARP + lane_id(), 1);
      }
    }
    tile = next;
  }
}

/** What a block does for a head size. */
template <int SUBSPACES>
__device__ __forceinline__ void run(const Head& h, const Cut& c, int tile_keys, uint8_t* table, int* histogram,
                                    Shared& shared) {
  int first = int(blockIdx.x) * tile_keys;
  vote<SUBSPACES>(h, first, min(h.keys, first + tile_keys), table, histogram);
  count_and_cut<TOP_TIER * SUBSPACES + 1>(c, ceil_div(h.keys, tile_keys), histogram, shared);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_vote(const uint64_t* id_table,  // [slots][layers][MAX_SLABS]
                   int layer, int layers,
                   const int* slots,          // [rows]
                   const int* budgets,        // [slots][BUDGET_FIELDS]
                   const uint8_t* tiers,      // [heads][subspaces][256], heads being rows * kvHeads
                   uint8_t* votes,            // [heads][tiles * tile_keys]
                   int tile_keys, int kv_heads, int subspaces,
                   int room,                  // most candidates
                   int k_room,                // most selected
                   int spare,                 // entries that a tile may list besides its k best
                   int* counts,               // [heads][tiles][6 * subspaces + 1] keys of a tile with a vote
                   int* tickets,              // [heads] zero before and after
                   int* threshold,            // [heads]
                   int* tile_start,           // [heads][tiles + 1]
                   int* tile_ties,            // [heads][tiles]
                   int* best_start) {         // [heads][tiles + 1]
  extern __shared__ __align__(16) uint8_t table[];
  __shared__ Shared shared;
  int* histogram = reinterpret_cast<int*>(table + TABLE_BYTES);
  int values = TOP_TIER * subspaces + 1;
  for (int i = threadIdx.x; i < values * WARP; i += BLOCK) {
    histogram[i] = 0;
  }
  if (int(threadIdx.x) < values) {
    shared.totals[threadIdx.x] = 0;
  }
  int head = int(blockIdx.y);
  int tiles = int(gridDim.x);
  int slot = slots[head / kv_heads];
  const int* budget = budgets + slot * BUDGET_FIELDS;
  int keys = min(budget[0], tiles * tile_keys);
  if (int(blockIdx.x) * tile_keys >= keys) {
    await_previous();
    return;  // the whole block: no barrier is missed
  }
  Head h = {index_slabs(id_table, slot, layer, layers), head % kv_heads, keys,
            tiers + int64_t(head) * subspaces * CENTROIDS, votes + int64_t(head) * tiles * tile_keys};
  Cut c = {min(min(budget[1], keys), room),
           min(budget[2], k_room) + spare,
           counts + int64_t(head) * tiles * values,
           tickets + head,
           threshold + head,
           tile_start + int64_t(head) * (tiles + 1),
           tile_ties + int64_t(head) * tiles,
           best_start + int64_t(head) * (tiles + 1)};
  switch (subspaces) {  // head sizes 16 to 256
    case 2: run<2>(h, c, tile_keys, table, histogram, shared); break;
    case 4: run<4>(h, c, tile_keys, table, histogram, shared); break;
    case 8: run<8>(h, c, tile_keys, table, histogram, shared); break;
    case 16: run<16>(h, c, tile_keys, table, histogram, shared); break;
    case 32: run<32>(h, c, tile_keys, table, histogram, shared); break;
  }
}

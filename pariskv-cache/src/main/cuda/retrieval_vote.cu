// retrieval_vote.cu -- retrieve.CollisionVote and a part of retrieve.BucketTopK in one launch, the second part of the
// fused retrieval: the votes, and how many keys of each tile have which.
//
// How a block goes through its keys is in retrieval_tiles.cuh, how it votes in collision_vote.cuh.
// Bound by reading the ids; at 128K keys by instructions, of which 16 look-ups are 32 of a lane, and the look-ups
// themselves, a conflict-free load of shared memory for 32.
//
// The kernel before is always retrieval_table, which let this one begin after its own wait: all older ones have ended,
// and it writes nothing but query blocks and tiers itself. So slots, budgets and ids are read before the wait.
//
// grid (ceil(tiles / tiles_of_block), rows * kvHeads), block 512, dynamic shared memory 64 KiB for the table, and for each
// tile 128 bytes for each value that a vote can have, 0 to 6 * subspaces. Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

#include "retrieval_tiles.cuh"

constexpr int TOP_TIER = 6;

/** Keys whose votes are sums of tiers. */
template <int SUBSPACES>
struct TierSet : Ids<SUBSPACES> {
  using Ids<SUBSPACES>::OWN;

  static __device__ __forceinline__ void prefetch(const Tiles& t, int key, int keys) {
    prefetch_keys(t, t.ids, SUBSPACES, key, keys);
  }

  __device__ __forceinline__ void vote(const Tiles&, const uint8_t* table, uint32_t (&votes)[OWN]) const {
    using S = Split<SUBSPACES>;
    uint32_t sums = 0;
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      sums += look_up<SUBSPACES>(table, this->words[i]) << 8 * i;
    }
    sums = add_parts<SUBSPACES>(sums);
#pragma unroll
    for (int i = 0; i < OWN; i++) {
      votes[i] = sums >> 8 * (i * S::LANES + lane_id() % S::LANES) & 255;
    }
  }
};

/** What a block does for a head size. */
template <int SUBSPACES>
__device__ __forceinline__ void run(const Tiles& t, const uint8_t* tiers, uint8_t* table, int* histogram) {
  constexpr int VALUES = TOP_TIER * SUBSPACES + 1;
  vote_for<SUBSPACES, VALUES, TierSet<SUBSPACES>>(t, table, histogram, [&] {
    await_previous();
    release_next();
    fill_table<SUBSPACES>(tiers, reinterpret_cast<uint32_t*>(table));
  });
  store_counts<VALUES>(t, histogram);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_vote(const uint64_t* id_table,  // [slots][layers][MAX_SLABS]
                   int layer, int layers,
                   const int* slots,          // [rows]
                   const int* budgets,        // [slots][BUDGET_FIELDS]
                   const uint8_t* tiers,      // [heads][subspaces][256], heads being rows * kvHeads
                   uint8_t* votes,            // [heads][tiles * tile_keys]
                   int tiles,
                   int tile_keys,             // a multiple of SLAB_TOKENS
                   int tiles_of_block,        // 1 or 2
                   int kv_heads, int subspaces,
                   int* counts) {             // [heads][6 * subspaces + 1][tiles] keys with a vote or a larger one
  extern __shared__ __align__(16) uint8_t table[];
  int* histogram = reinterpret_cast<int*>(table + TABLE_BYTES);
  int head = int(blockIdx.y);
  int slot = slots[head / kv_heads];
  clear_histograms(histogram, tiles_of_block, TOP_TIER * subspaces + 1);
  int keys = min(budgets[slot * BUDGET_FIELDS], tiles * tile_keys);
  Tiles t = tiles_of(index_slabs(id_table, slot, layer, layers), head % kv_heads, keys, tiles, tile_keys,
                     tiles_of_block, votes, counts);
  if (t.first >= keys) {
    await_previous();
    return;  // the whole block: no barrier is missed
  }
  const uint8_t* own_tiers = tiers + int64_t(head) * subspaces * CENTROIDS;
  switch (subspaces) {  // head sizes 16 to 256
    case 2: run<2>(t, own_tiers, table, histogram); break;
    case 4: run<4>(t, own_tiers, table, histogram); break;
    case 8: run<8>(t, own_tiers, table, histogram); break;
    case 16: run<16>(t, own_tiers, table, histogram); break;
    case 32: run<32>(t, own_tiers, table, histogram); break;
  }
}

// collision_vote.cu -- retrieve.CollisionVote: votes[key] = sum over subspaces of tier[subspace][centroid of key]
//
// How is in collision_vote.cuh. Blocks fill their table once, then stride over the tiles of their KV head; those without
// a tile exit before that.
//
// grid (blocks a head, rows * kvHeads), block 1024, dynamic shared memory 64 KiB.
#include "pariskv.cuh"

constexpr int BLOCK = 1024;
#include "collision_vote.cuh"

template <int SUBSPACES>
__device__ __forceinline__ void vote(const uint64_t* slabs, int head, int keys, const uint8_t* tiers, uint8_t* votes,
                                     uint8_t* table) {
  using S = Split<SUBSPACES>;
  if (int(blockIdx.x) * S::BLOCK_TILE >= keys) {
    return;  // the whole block: no barrier is missed
  }
  fill_table<SUBSPACES>(tiers, reinterpret_cast<uint32_t*>(table));
  __syncthreads();  // the table is complete
  int part = lane_id() % S::LANES;
  int mine = lane_id() / S::LANES;
  for (int tile = int(blockIdx.x) * S::BLOCK_TILE + warp_id() * S::WARP_TILE; tile < keys;
       tile += int(gridDim.x) * S::BLOCK_TILE) {
    const uint8_t* from = S::first_ids(slabs, head, tile);
    uint32_t ids[IN_FLIGHT][S::WORDS];
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {  // keys beyond the last are read too: their slab has room for them
      load_ids<SUBSPACES>(from + i * S::KEYS * SUBSPACES, ids[i]);
    }
    uint32_t sums = 0;
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      sums |= look_up<SUBSPACES>(table, ids[i]) << 8 * i;
    }
    sums = add_parts<SUBSPACES>(sums);
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i += S::LANES) {  // the lanes of a key take turns
      int key = tile + (i + part) * S::KEYS + mine;
      if (key < keys) {
        votes[key] = uint8_t(sums >> 8 * (i + part));
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    collision_vote(const uint64_t* id_table,  // [slots][layers][MAX_SLABS]
                   int layer, int layers,
                   const int* slots,          // [rows]
                   const int* budgets,        // [slots][BUDGET_FIELDS]
                   const uint8_t* tiers,      // [rows][kvHeads][subspaces][256]
                   uint8_t* votes,            // [rows][kvHeads][capacity]
                   int64_t capacity, int kv_heads, int subspaces) {
  extern __shared__ __align__(16) uint8_t table[];
  int slot = slots[blockIdx.y / kv_heads];
  int head = blockIdx.y % kv_heads;
  int keys = int(min(int64_t(budgets[slot * BUDGET_FIELDS]), capacity));
  const uint64_t* slabs = index_slabs(id_table, slot, layer, layers);
  const uint8_t* head_tiers = tiers + int64_t(blockIdx.y) * subspaces * CENTROIDS;
  uint8_t* head_votes = votes + blockIdx.y * capacity;
  switch (subspaces) {  // head sizes 16 to 256
    case 2: vote<2>(slabs, head, keys, head_tiers, head_votes, table); break;
    case 4: vote<4>(slabs, head, keys, head_tiers, head_votes, table); break;
    case 8: vote<8>(slabs, head, keys, head_tiers, head_votes, table); break;
    case 16: vote<16>(slabs, head, keys, head_tiers, head_votes, table); break;
    case 32: vote<32>(slabs, head, keys, head_tiers, head_votes, table); break;
  }
}

// collision_vote.cu -- retrieve.CollisionVote: votes[key] = sum over subspaces of tier[subspace][centroid of key]
//
// Bound by reading the ids, `subspaces` bytes a key, if the look-ups keep out of each other's way: with one plain
// table, 32 lanes with random ids meet in the same bank of shared memory about three deep. So every lane has a copy
// of what it looks up in a bank of its own:
//
//   table [256 centroids][2][WARP lanes] of 4 bytes, the tiers of 4 neighbouring subspaces: 64 KiB
//
// A lane sees 8 subspaces of a key at most; with more, 2 or 4 neighbouring lanes share a key and add their sums by
// shuffles. A row of the table has 256 bytes, so that one byte permutation makes an address of an id and a lane: a
// look-up costs that, one conflict-free load and half an addition.
//
// A warp takes tiles of IN_FLIGHT loads a lane, all issued before the first is used; a tile lies in one slab. Blocks
// fill their table once, then stride over the tiles of their KV head; blocks without a tile exit before that. What a
// block votes passes through its registers, so a histogram can be counted here too.
//
// grid (blocks a head, rows * kvHeads), block 1024, dynamic shared memory 64 KiB.
#include "pariskv.cuh"

constexpr int BLOCK = 1024;
constexpr int CENTROID_COUNT = 256;
constexpr int IN_FLIGHT = 4;    // keys of a lane; their sums share one 32-bit word

/** How the ids of a key are split over lanes. */
template <int SUBSPACES>
struct Split {
  static constexpr int PER_LANE = SUBSPACES < 8 ? SUBSPACES : 8;
  static constexpr int LANES = SUBSPACES / PER_LANE;      // neighbouring lanes that share a key
  static constexpr int WORDS = (PER_LANE + 3) / 4;        // 32-bit words of a lane's ids
  static constexpr int PER_WORD = PER_LANE / WORDS;       // subspaces of one word
  static constexpr int KEYS = WARP / LANES;               // keys that a warp loads at once
  static constexpr int WARP_TILE = IN_FLIGHT * KEYS;      // divides SLAB_TOKENS
};

/** Lanes write in turns that differ, so that 32 lanes write into 32 banks. */
template <int SUBSPACES>
__device__ void fill_table(const uint8_t* tiers, uint32_t* table) {
  using S = Split<SUBSPACES>;
  for (int entry = threadIdx.x; entry < CENTROID_COUNT * S::LANES * S::WORDS; entry += BLOCK) {
    int part = entry % S::LANES;
    int id = entry / S::LANES % CENTROID_COUNT;
    int word = entry / (S::LANES * CENTROID_COUNT);
    const uint8_t* first = tiers + (part * S::PER_LANE + word * S::PER_WORD) * CENTROID_COUNT + id;
    uint32_t packed = 0;
#pragma unroll
    for (int j = 0; j < S::PER_WORD; j++) {
      packed |= uint32_t(__ldg(first + j * CENTROID_COUNT)) << 8 * j;
    }
    for (int turn = 0; turn < S::KEYS; turn++) {
      int lane = (turn + id) % S::KEYS * S::LANES + part;
      table[(id * 2 + word) * WARP + lane] = packed;
    }
  }
}

/** Ids that a lane sees of one key, read once. */
template <int SUBSPACES>
__device__ __forceinline__ void load_ids(const uint8_t* from, uint32_t (&ids)[Split<SUBSPACES>::WORDS]) {
  if constexpr (Split<SUBSPACES>::PER_LANE == 8) {
    uint2 both = __ldcs(reinterpret_cast<const uint2*>(from));
    ids[0] = both.x;
    ids[1] = both.y;
  } else if constexpr (Split<SUBSPACES>::PER_LANE == 4) {
    ids[0] = __ldcs(reinterpret_cast<const uint32_t*>(from));
  } else {
    ids[0] = __ldcs(reinterpret_cast<const uint16_t*>(from));
  }
}

/** The sum of the tiers of those ids: byte 1 of an address is the id, byte 0 the lane's word. */
template <int SUBSPACES>
__device__ __forceinline__ uint32_t look_up(const uint8_t* table, const uint32_t (&ids)[Split<SUBSPACES>::WORDS]) {
  uint32_t lane_word = 4 * lane_id();
  uint32_t sum = 0;
#pragma unroll
  for (int word = 0; word < Split<SUBSPACES>::WORDS; word++) {
#pragma unroll
    for (int j = 0; j < Split<SUBSPACES>::PER_WORD; j++) {
      sum += table[__byte_perm(ids[word], lane_word, 0x5504 | j << 4) + 4 * WARP * word + j];
    }
  }
  return sum;
}

template <int SUBSPACES>
__device__ __forceinline__ void vote(const uint64_t* slabs, int head, int keys, const uint8_t* tiers, uint8_t* votes,
                                     uint8_t* table) {
  using S = Split<SUBSPACES>;
  constexpr int BLOCK_TILE = BLOCK / WARP * S::WARP_TILE;
  if (int(blockIdx.x) * BLOCK_TILE >= keys) {
    return;  // the whole block: no barrier is missed
  }
  fill_table<SUBSPACES>(tiers, reinterpret_cast<uint32_t*>(table));
  __syncthreads();  // the table is complete
  int part = lane_id() % S::LANES;
  int mine = lane_id() / S::LANES;
  for (int tile = int(blockIdx.x) * BLOCK_TILE + warp_id() * S::WARP_TILE; tile < keys;
       tile += int(gridDim.x) * BLOCK_TILE) {
    const uint8_t* slab = reinterpret_cast<const uint8_t*>(__ldg(slabs + slab_index(tile)));
    const uint8_t* from = slab + slab_offset(head, tile + mine, SUBSPACES) + part * S::PER_LANE;
    uint32_t ids[IN_FLIGHT][S::WORDS];
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {  // keys beyond the last are read too: their slab has room for them
      load_ids<SUBSPACES>(from + i * S::KEYS * SUBSPACES, ids[i]);
    }
    uint32_t sums = 0;  // byte i is the vote of key tile + i * KEYS + mine; at most 6 * 32, so none overflows
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      sums |= look_up<SUBSPACES>(table, ids[i]) << 8 * i;
    }
#pragma unroll
    for (int distance = 1; distance < S::LANES; distance *= 2) {
      sums += __shfl_xor_sync(FULL_WARP, sums, distance);
    }
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
  const uint8_t* head_tiers = tiers + int64_t(blockIdx.y) * subspaces * CENTROID_COUNT;
  uint8_t* head_votes = votes + blockIdx.y * capacity;
  switch (subspaces) {  // head sizes 16 to 256
    case 2: vote<2>(slabs, head, keys, head_tiers, head_votes, table); break;
    case 4: vote<4>(slabs, head, keys, head_tiers, head_votes, table); break;
    case 8: vote<8>(slabs, head, keys, head_tiers, head_votes, table); break;
    case 16: vote<16>(slabs, head, keys, head_tiers, head_votes, table); break;
    case 32: vote<32>(slabs, head, keys, head_tiers, head_votes, table); break;
  }
}

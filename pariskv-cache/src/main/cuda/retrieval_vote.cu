// retrieval_vote.cu -- retrieve.CollisionVote and a part of retrieve.BucketTopK in one launch, the second part of the
// fused retrieval: the votes, and how many keys of each tile have which.
//
// A block has two tiles of the keys of one KV head; the host cuts tiles such that there is a block for each
// multiprocessor. How it votes is in collision_vote.cuh. A lane has TURNS sets of ids on their way and loads into a set
// as soon as it has looked it up. What it votes it counts at once, in a histogram of the tile that has a copy for every
// lane, so that no two lanes of a warp wait for each other.
// Bound by reading the ids; at 128K keys by instructions, of which 16 look-ups are 32 of a lane, and the look-ups
// themselves, a conflict-free load of shared memory for 32. A block takes half of a multiprocessor's registers: it fits
// beside those of the kernels before and after. So while the table is made it loads its first ids and has the next ones
// brought to L2, which stays as far ahead, and the selection's blocks find out where their records are while votes are counted.
//
// The kernel before is always retrieval_table, which let this one begin after its own wait: all older ones have ended,
// and it writes nothing but query blocks and tiers itself. So slots, budgets and ids are read before the wait.
//
// grid (ceil(tiles / 2), rows * kvHeads), block 512, dynamic shared memory 64 KiB for the table and 256 bytes for each
// value that a vote can have, 0 to 6 * subspaces. Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

constexpr int BLOCK = 512;
#include "collision_vote.cuh"

constexpr int WARPS = BLOCK / WARP;
constexpr int TILES_OF_BLOCK = 2;
constexpr int TABLE_BYTES = CENTROIDS * 2 * WARP * 4;
constexpr int TOP_TIER = 6;
constexpr int TURNS = 2;       // sets of IN_FLIGHT keys of a lane
constexpr int PREFETCHED = 6;  // slabs that L2 is ahead, 96 KiB of 128 coordinates: what arrives while the table is made

/** What a block works on: tiles of one KV head of one row. */
struct Tiles {
  const uint64_t* slabs;
  int kv_head;
  int first;             // key
  int second;            // first key of the second tile
  int end;               // there is one key at least
  const uint8_t* tiers;  // [subspaces][256]
  uint8_t* votes;        // of key 0 of the head
  int* counts;           // [TILES_OF_BLOCK][values]
};

/** Adds the copies of a tile's histogram up. */
template <int VALUES>
__device__ __forceinline__ void store_counts(const int* histogram, int* counts) {
  constexpr int OF_WARP = ceil_div(VALUES, WARPS);
  int sums[OF_WARP];
#pragma unroll
  for (int i = 0; i < OF_WARP; i++) {  // all loads before the first store
    int value = min(i * WARPS + warp_id(), VALUES - 1);
    sums[i] = histogram[value * WARP + lane_id()];
  }
#pragma unroll
  for (int i = 0; i < OF_WARP; i++) {
    sums[i] = __reduce_add_sync(FULL_WARP, sums[i]);
  }
#pragma unroll
  for (int i = 0; i < OF_WARP; i++) {
    int value = i * WARPS + warp_id();
    if (lane_id() == 0 && value < VALUES) {
      counts[value] = sums[i];
    }
  }
}

/** Starts loading the ids of a lane's keys of the warp's tile that begins with `key`. */
template <int SUBSPACES>
__device__ __forceinline__ void load_set(const Tiles& t, int key, uint32_t (&ids)[IN_FLIGHT][Split<SUBSPACES>::WORDS]) {
  using S = Split<SUBSPACES>;
  const uint8_t* from = S::first_ids(t.slabs, t.kv_head, key);
#pragma unroll
  for (int i = 0; i < IN_FLIGHT; i++) {  // keys beyond the last are read too: their slab has room for them
    load_ids<SUBSPACES>(from + i * S::KEYS * SUBSPACES, ids[i]);
  }
}

/** Has the ids of `keys` keys from `key` on brought to L2, if there is such a key; a slab has all of them. */
template <int SUBSPACES>
__device__ __forceinline__ void prefetch_ids(const Tiles& t, int key, int keys) {
  if (key < t.end) {
    const uint8_t* slab = reinterpret_cast<const uint8_t*>(__ldg(t.slabs + slab_index(key)));
    prefetch(slab + slab_offset(t.kv_head, key, SUBSPACES), keys * SUBSPACES);
  }
}

/** Votes for the keys of such a tile and counts the votes. */
template <int SUBSPACES>
__device__ __forceinline__ void vote_set(const Tiles& t, int key, const uint8_t* table, int* histogram,
                                         const uint32_t (&ids)[IN_FLIGHT][Split<SUBSPACES>::WORDS]) {
  using S = Split<SUBSPACES>;
  uint32_t sums = 0;
#pragma unroll
  for (int i = 0; i < IN_FLIGHT; i++) {
    sums += look_up<SUBSPACES>(table, ids[i]) << 8 * i;
  }
  sums = add_parts<SUBSPACES>(sums);
  int* own = histogram + lane_id();
  uint32_t part = lane_id() % S::LANES;
  int mine = key + part * S::KEYS + lane_id() / S::LANES;
#pragma unroll
  for (int i = 0; i < IN_FLIGHT; i += S::LANES) {  // the lanes of a key take turns
    uint32_t vote = sums >> 8 * (i + part) & 255;
    t.votes[mine + i * S::KEYS] = uint8_t(vote);  // a tile has room for votes beyond the last key
    if (mine + i * S::KEYS < t.end) {
      atomicAdd(own + vote * WARP, 1);
    }
  }
}

/** Votes for the keys of a block's tiles and counts the votes. Waits for the table's kernel. */
template <int SUBSPACES>
__device__ __forceinline__ void run(const Tiles& t, uint8_t* table, int* histogram) {
  using S = Split<SUBSPACES>;
  constexpr int VALUES = TOP_TIER * SUBSPACES + 1;
  uint32_t ids[TURNS][IN_FLIGHT][S::WORDS];
  int key = t.first + uniform_warp_id() * S::WARP_TILE;
#pragma unroll
  for (int turn = 0; turn < TURNS; turn++) {
    if (key + turn * S::BLOCK_TILE < t.end) {
      load_set<SUBSPACES>(t, key + turn * S::BLOCK_TILE, ids[turn]);
    }
  }
  if (threadIdx.x < PREFETCHED) {
    prefetch_ids<SUBSPACES>(t, t.first + (int(threadIdx.x) + TURNS) * SLAB_TOKENS, SLAB_TOKENS);
  }
  await_previous();
  release_next();
  fill_table<SUBSPACES>(t.tiers, reinterpret_cast<uint32_t*>(table));
  __syncthreads();  // the table is complete, the histograms zero
  for (; key < t.end; key += TURNS * S::BLOCK_TILE) {
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
      int own = key + turn * S::BLOCK_TILE;
      if (own < t.end) {
        vote_set<SUBSPACES>(t, own, table, histogram + (own < t.second ? 0 : VALUES * WARP), ids[turn]);
        if (own + TURNS * S::BLOCK_TILE < t.end) {
          load_set<SUBSPACES>(t, own + TURNS * S::BLOCK_TILE, ids[turn]);
        }
        if (lane_id() == 0) {
          prefetch_ids<SUBSPACES>(t, own + (TURNS + PREFETCHED) * SLAB_TOKENS, S::WARP_TILE);
        }
      }
    }
  }
  __syncthreads();  // all votes are counted
  store_counts<VALUES>(histogram, t.counts);
  if (t.second < t.end) {
    store_counts<VALUES>(histogram + VALUES * WARP, t.counts + VALUES);
  }
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
                   int kv_heads, int subspaces,
                   int* counts) {             // [heads][tiles][6 * subspaces + 1] keys of a tile with a vote
  extern __shared__ __align__(16) uint8_t table[];
  int* histogram = reinterpret_cast<int*>(table + TABLE_BYTES);
  int head = int(blockIdx.y);
  int slot = slots[head / kv_heads];
  int values = TOP_TIER * subspaces + 1;
  for (int i = threadIdx.x; i < TILES_OF_BLOCK * values * WARP / 4; i += BLOCK) {
    reinterpret_cast<uint4*>(histogram)[i] = make_uint4(0, 0, 0, 0);
  }
  int keys = min(budgets[slot * BUDGET_FIELDS], tiles * tile_keys);
  int tile = int(blockIdx.x) * TILES_OF_BLOCK;
  int first = tile * tile_keys;
  if (first >= keys) {
    await_previous();
    return;  // the whole block: no barrier is missed
  }
  Tiles t = {index_slabs(id_table, slot, layer, layers),
             head % kv_heads,
             first,
             first + tile_keys,
             min(keys, first + TILES_OF_BLOCK * tile_keys),
             tiers + int64_t(head) * subspaces * CENTROIDS,
             votes + int64_t(head) * tiles * tile_keys,
             counts + (int64_t(head) * tiles + tile) * values};
  switch (subspaces) {  // head sizes 16 to 256
    case 2: run<2>(t, table, histogram); break;
    case 4: run<4>(t, table, histogram); break;
    case 8: run<8>(t, table, histogram); break;
    case 16: run<16>(t, table, histogram); break;
    case 32: run<32>(t, table, histogram); break;
  }
}

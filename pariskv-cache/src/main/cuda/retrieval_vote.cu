// retrieval_vote.cu -- retrieve.CollisionVote and a part of retrieve.BucketTopK in one launch, the second part of the
// fused retrieval: the votes, and how many keys of each tile have which.
//
// A block has one tile of the keys of one KV head; the host cuts tiles such that all blocks run at a time, two on a
// multiprocessor. How it votes is in collision_vote.cuh. A lane loads the next ids as soon as it has looked the last ones
// up. What it votes it counts at once, in a histogram that has a copy for every lane, so that no two lanes of a warp wait
// for each other.
// Bound by reading the ids, and at 128K keys by the look-ups, a conflict-free load of shared memory for 32 of them. Both
// blocks of a multiprocessor take half of its registers and threads: they fit beside those of the kernels before and
// after. So while the table is made a block loads its first ids and has the next ones brought to L2, and the selection's
// blocks find out where their records are while votes are counted.
//
// The kernel before is always retrieval_table, which let this one begin after its own wait: all older ones have ended,
// and it writes nothing but query blocks and tiers itself. So slots, budgets and ids are read before the wait.
//
// grid (tiles, rows * kvHeads), block 512, dynamic shared memory 64 KiB for the table and 128 bytes for each value
// that a vote can have, 0 to 6 * subspaces. Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

constexpr int BLOCK = 512;
constexpr int BLOCKS_BESIDE = 4;  // that registers would suffice for
#include "collision_vote.cuh"

constexpr int TABLE_BYTES = CENTROIDS * 2 * WARP * 4;
constexpr int TOP_TIER = 6;
constexpr int WARPS = BLOCK / WARP;
constexpr int PREFETCHED = 3;  // slabs of a block's ids, 48 KiB of 128 coordinates: what arrives while the table is made

/** What a block works on: a tile of one KV head of one row. */
struct Tile {
  const uint64_t* slabs;
  int kv_head;
  int first;             // key
  int end;               // there is one key at least
  const uint8_t* tiers;  // [subspaces][256]
  uint8_t* votes;        // of key 0 of the head
  int* counts;           // [values]
};

/** Adds the copies of a block's histogram up. */
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

/** Votes for the keys of a tile and counts the votes. Waits for the table's kernel. */
template <int SUBSPACES>
__device__ __forceinline__ void vote(const Tile& t, uint8_t* table, int* histogram) {
  using S = Split<SUBSPACES>;
  int part = lane_id() % S::LANES;
  int mine = lane_id() / S::LANES;
  uint32_t ids[IN_FLIGHT][S::WORDS];
  int tile = t.first + uniform_warp_id() * S::WARP_TILE;
  if (tile < t.end) {
    const uint8_t* from = S::first_ids(t.slabs, t.kv_head, tile);
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {  // keys beyond the last are read too: their slab has room for them
      load_ids<SUBSPACES>(from + i * S::KEYS * SUBSPACES, ids[i]);
    }
  }
  int later = t.first + (int(threadIdx.x) + 1) * SLAB_TOKENS;
  if (threadIdx.x < PREFETCHED && later < t.end) {
    const uint8_t* slab = reinterpret_cast<const uint8_t*>(__ldg(t.slabs + slab_index(later)));
    prefetch(slab + slab_offset(t.kv_head, later, SUBSPACES), SLAB_TOKENS * SUBSPACES);
  }
  await_previous();
  release_next();
  fill_table<SUBSPACES>(t.tiers, reinterpret_cast<uint32_t*>(table));
  __syncthreads();  // the table is complete, the histogram zero
  while (tile < t.end) {
    int next = tile + S::BLOCK_TILE;
    bool more = next < t.end;
    const uint8_t* from = S::first_ids(t.slabs, t.kv_head, more ? next : tile);
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
      if (key < t.end) {
        t.votes[key] = uint8_t(vote);
        atomicAdd(histogram + vote * WARP + lane_id(), 1);
      }
    }
    tile = next;
  }
  __syncthreads();  // all votes are counted
  store_counts<TOP_TIER * SUBSPACES + 1>(histogram, t.counts);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS_BESIDE)
    retrieval_vote(const uint64_t* id_table,  // [slots][layers][MAX_SLABS]
                   int layer, int layers,
                   const int* slots,          // [rows]
                   const int* budgets,        // [slots][BUDGET_FIELDS]
                   const uint8_t* tiers,      // [heads][subspaces][256], heads being rows * kvHeads
                   uint8_t* votes,            // [heads][tiles * tile_keys]
                   int tile_keys,             // a multiple of SLAB_TOKENS
                   int kv_heads, int subspaces,
                   int* counts) {             // [heads][tiles][6 * subspaces + 1] keys of a tile with a vote
  extern __shared__ __align__(16) uint8_t table[];
  int* histogram = reinterpret_cast<int*>(table + TABLE_BYTES);
  int head = int(blockIdx.y);
  int tiles = int(gridDim.x);
  int slot = slots[head / kv_heads];
  int values = TOP_TIER * subspaces + 1;
  for (int i = threadIdx.x; i < values * WARP; i += BLOCK) {
    histogram[i] = 0;
  }
  int keys = min(budgets[slot * BUDGET_FIELDS], tiles * tile_keys);
  int first = int(blockIdx.x) * tile_keys;
  if (first >= keys) {
    await_previous();
    return;  // the whole block: no barrier is missed
  }
  Tile t = {index_slabs(id_table, slot, layer, layers),
            head % kv_heads,
            first,
            min(keys, first + tile_keys),
            tiers + int64_t(head) * subspaces * CENTROIDS,
            votes + int64_t(head) * tiles * tile_keys,
            counts + (int64_t(head) * tiles + blockIdx.x) * values};
  switch (subspaces) {  // head sizes 16 to 256
    case 2: vote<2>(t, table, histogram); break;
    case 4: vote<4>(t, table, histogram); break;
    case 8: vote<8>(t, table, histogram); break;
    case 16: vote<16>(t, table, histogram); break;
    case 32: vote<32>(t, table, histogram); break;
  }
}

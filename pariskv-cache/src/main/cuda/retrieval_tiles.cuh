// retrieval_tiles.cuh -- what retrieval_vote.cu and retrieval_score_vote.cu share: how a block votes for its tiles. Without
// a guard: each needs it in its namespace.
//
// A block has one or two tiles of the keys of one KV head, as the host says. A lane has TURNS sets of keys on their way and
// loads into a set as soon as it has voted for it. What it votes it counts at once. A block takes half of a
// multiprocessor's registers. With two tiles a block there is one for each multiprocessor, which fits beside those of the
// kernels before and after: while the table is made it loads its first ids and has the next ones brought to L2, which stays
// as far ahead, and the selection's blocks find out where their records are while votes are counted. Where tiles are long
// that is little of the whole; then a block has one, and a multiprocessor two blocks, twice the warps to issue look-ups
// while others wait for ids. 1M keys of 8 heads, 134 MB of ids, take 43 us to read and 61 to
// 67 so on an H100, where one block a multiprocessor took 72.

constexpr int BLOCK = 512;
#include "collision_vote.cuh"
#include "vote_counts.cuh"

constexpr int TABLE_BYTES = CENTROIDS * 2 * WARP * 4;
constexpr int TURNS = 2;       // sets of IN_FLIGHT keys of a lane
constexpr int PREFETCHED = 6;  // slabs that L2 is ahead, 96 KiB of 128 coordinates: what arrives while the table is made

/** What a block works on: tiles of one KV head of one row. */
struct Tiles {
  const uint64_t* ids;  // addresses of slabs
  int kv_head;
  int first;            // key
  int second;           // first key of the second tile
  int end;              // there is one key at least
  uint8_t* votes;       // of key 0 of the head
  int* counts;          // [heads][values][tiles]
  int tile;             // the first one
  int tiles;            // of the head
};

/** The tiles of this block, of keys that begin before `keys`. */
__device__ __forceinline__ Tiles tiles_of(const uint64_t* ids, int kv_head, int keys, int tiles, int tile_keys,
                                          int of_block, uint8_t* votes, int* counts) {
  int tile = int(blockIdx.x) * of_block;
  int first = tile * tile_keys;
  return {ids,
          kv_head,
          first,
          first + tile_keys,
          min(keys, first + of_block * tile_keys),
          votes + int64_t(blockIdx.y) * tiles * tile_keys,
          counts,
          tile,
          tiles};
}

/** The ids of IN_FLIGHT keys of a lane, KEYS apart, of which it votes for OWN: the lanes of a key take turns. */
template <int SUBSPACES>
struct Ids {
  using S = Split<SUBSPACES>;
  static constexpr int OWN = IN_FLIGHT / S::LANES;
  uint32_t words[IN_FLIGHT][S::WORDS];

  /** From the first key of a warp's tile to the first of those that the lane votes for; the others follow every WARP. */
  static __device__ __forceinline__ int own() { return lane_id() % S::LANES * S::KEYS + lane_id() / S::LANES; }

  /** Starts loading, for the warp's tile that begins with `key`. */
  __device__ __forceinline__ void load(const Tiles& t, int key) {
    const uint8_t* from = S::first_ids(t.ids, t.kv_head, key);
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {  // keys beyond the last are read too: their slab has room for them
      load_ids<SUBSPACES>(from + i * S::KEYS * SUBSPACES, words[i]);
    }
  }
};

/** Has what there is of `keys` keys from `key` on brought to L2, if there is such a key; a slab has all of them. */
__device__ __forceinline__ void prefetch_keys(const Tiles& t, const uint64_t* slabs, int bytes, int key, int keys) {
  if (key < t.end) {
    const uint8_t* slab = reinterpret_cast<const uint8_t*>(__ldg(slabs + slab_index(key)));
    prefetch(slab + slab_offset(t.kv_head, key, bytes), keys * bytes);
  }
}

/** Zeroes the histograms of so many tiles. */
__device__ __forceinline__ void clear_histograms(int* histogram, int tiles, int values) {
  for (int i = threadIdx.x; i < tiles * values * WARP / 4; i += BLOCK) {
    reinterpret_cast<uint4*>(histogram)[i] = make_uint4(0, 0, 0, 0);
  }
}

/**
 * Votes for the keys of a block's tiles and counts the votes. `fill` waits for the kernel before and fills the table. A
 * Set is Ids and what else a vote needs; T is Tiles and where that is.
 */
template <int SUBSPACES, int VALUES, typename Set, typename T, typename Fill>
__device__ __forceinline__ void vote_for(const T& t, const uint8_t* table, int* histogram, Fill fill) {
  using S = Split<SUBSPACES>;
  Set sets[TURNS];
  int key = t.first + uniform_warp_id() * S::WARP_TILE;
#pragma unroll
  for (int turn = 0; turn < TURNS; turn++) {
    if (key + turn * S::BLOCK_TILE < t.end) {
      sets[turn].load(t, key + turn * S::BLOCK_TILE);
    }
  }
  if (threadIdx.x < PREFETCHED) {
    Set::prefetch(t, t.first + (int(threadIdx.x) + TURNS) * SLAB_TOKENS, SLAB_TOKENS);
  }
  fill();
  __syncthreads();  // the table is complete, the histograms zero
  for (; key < t.end; key += TURNS * S::BLOCK_TILE) {
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
      int tile = key + turn * S::BLOCK_TILE;
      if (tile < t.end) {
        uint32_t votes[Set::OWN];
        sets[turn].vote(t, table, votes);
        int* copy = histogram + (tile < t.second ? 0 : VALUES * WARP) + lane_id();
        int own = tile + Set::own();
#pragma unroll
        for (int i = 0; i < Set::OWN; i++) {
          t.votes[own + i * WARP] = uint8_t(votes[i]);  // a tile has room for votes beyond the last key
          if (own + i * WARP < t.end) {
            atomicAdd(copy + votes[i] * WARP, 1);
          }
        }
        if (tile + TURNS * S::BLOCK_TILE < t.end) {
          sets[turn].load(t, tile + TURNS * S::BLOCK_TILE);
        }
        if (lane_id() == 0) {
          Set::prefetch(t, tile + (TURNS + PREFETCHED) * SLAB_TOKENS, S::WARP_TILE);
        }
      }
    }
  }
}

/** The end of a block, after `vote_for`: how many keys of its tiles have which vote. */
template <int VALUES>
__device__ __forceinline__ void store_counts(const Tiles& t, int* histogram) {
  store_counts<VALUES>(histogram, t.second < t.end ? 2 : 1, t.tiles,
                       t.counts + int64_t(blockIdx.y) * VALUES * t.tiles + t.tile);
}

// retrieval_score_vote.cu -- retrieve.QueryBlocks, retrieve.CentroidScores, retrieve.ScoreVote and a part of
// retrieve.BucketTopK in one launch, the first part of a fused retrieval by scores: the votes, and how many keys of each
// tile have which.
//
// Each block makes the table of its head for itself, since that costs less than another launch: a warp rotates the mean,
// and the largest score of a subspace is that of the centroid with the query's signs, the sum of its magnitudes; then every
// thread has eight of 4,096 scores, eight additions each. How a block goes through its keys is in retrieval_tiles.cuh, how
// it looks ids up in collision_vote.cuh: scores have six bits, so a lane's sums need 16, two keys a word. Bound by reading
// the ids and the norms, 2 bytes a key; at 128K keys by instructions.
//
// Of what is read here a step writes the queries alone: keys are encoded, and slots and budgets uploaded, between steps,
// and behind those no launch overlaps. So slots, budgets, floors, ids and norms are read before the wait.
//
// grid (ceil(tiles / tiles_of_block), rows * kvHeads), block 512, dynamic shared memory 64 KiB for the table and 32 KiB for
// each tile's histogram. Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

#include "retrieval_tiles.cuh"
#include "score_query.cuh"
#include "score_vote.cuh"

constexpr int VALUES = 256;  // a vote is a byte

/** What a block works on. */
struct ScoredTiles : Tiles {
  const uint64_t* norms;  // addresses of slabs
  int floor;
};

/** Where mean queries come from, and where the estimates will find them. */
struct Means {
  const float* q;  // [heads][group][headDim]
  int group;
  float scale;
  float* blocks;   // [heads][headDim]
};

/**
 * The sums of the lane's own keys from its parts of all, in pairs of 16 bits: keys 0 and 2 of a lane, and 1 and 3. Of two
 * lanes with parts of the same keys each gives the other what that one votes for.
 */
template <int SUBSPACES>
__device__ __forceinline__ void add_pairs(uint32_t (&pairs)[2]) {
  if constexpr (Split<SUBSPACES>::LANES > 1) {
    bool odd = lane_id() % 2 != 0;
    uint32_t sum = (odd ? pairs[1] : pairs[0]) + __shfl_xor_sync(FULL_WARP, odd ? pairs[0] : pairs[1], 1);
#pragma unroll
    for (int distance = 2; distance < Split<SUBSPACES>::LANES; distance *= 2) {
      sum += __shfl_xor_sync(FULL_WARP, sum, distance);
    }
    pairs[0] = sum;
    pairs[1] = sum;
  }
}

/** Keys whose votes are their coarse scores on a logarithmic scale. */
template <int SUBSPACES>
struct ScoreSet : Ids<SUBSPACES> {
  using Ids<SUBSPACES>::OWN;
  uint16_t norms[OWN];

  static __device__ __forceinline__ void prefetch(const ScoredTiles& t, int key, int keys) {
    prefetch_keys(t, t.ids, SUBSPACES, key, keys);
    prefetch_keys(t, t.norms, sizeof(uint16_t), key, keys);
  }

  __device__ __forceinline__ void load(const ScoredTiles& t, int key) {
    Ids<SUBSPACES>::load(t, key);
    const uint16_t* slab = reinterpret_cast<const uint16_t*>(__ldg(t.norms + slab_index(key)));
    const uint16_t* from = slab + slab_offset(t.kv_head, key, 1) + Ids<SUBSPACES>::own();
#pragma unroll
    for (int i = 0; i < OWN; i++) {
      norms[i] = __ldcs(from + i * WARP);
    }
  }

  __device__ __forceinline__ void vote(const ScoredTiles& t, const uint8_t* table, uint32_t (&votes)[OWN]) const {
    using S = Split<SUBSPACES>;
    uint32_t pairs[2] = {0, 0};
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      pairs[i % 2] += look_up<SUBSPACES>(table, this->words[i]) << 16 * (i / 2);
    }
    add_pairs<SUBSPACES>(pairs);
    int part = lane_id() % S::LANES;
#pragma unroll
    for (int i = 0; i < OWN; i++) {
      int sum = pairs[i % 2] >> 16 * ((i * S::LANES + part) / 2) & 0xffff;
      votes[i] = score_to_vote(sum - SCORE_BIAS * SUBSPACES, bf16_to_float(norms[i]), t.floor);
    }
  }
};

/** What a block does for a head size. */
template <int SUBSPACES>
__device__ __forceinline__ void run(const ScoredTiles& t, const Means& means, Query& query, uint8_t* table,
                                    int* histogram) {
  vote_for<SUBSPACES, VALUES, ScoreSet<SUBSPACES>>(t, table, histogram, [&] {
    await_previous();
    release_next();
    if (warp_id() == 0) {
      int64_t head = blockIdx.y;
      int64_t width = SUBSPACES * SUBSPACE_DIM;
      make_query<SUBSPACES>(means.q + head * means.group * width, means.group, means.scale, means.blocks + head * width,
                            query);
    }
    __syncthreads();  // the query is there
    auto value = [&](uint32_t subspace, uint32_t id) { return score_of(query, subspace, id); };
    fill_table_by<SUBSPACES>(value, reinterpret_cast<uint32_t*>(table));
  });
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_score_vote(const float* q,                // [rows][kvHeads][group][headDim]
                         const uint64_t* id_table,      // [slots][layers][MAX_SLABS]
                         const uint64_t* norm_table,    // [slots][layers][MAX_SLABS]
                         const uint64_t* centre_table,  // [slots][layers] of centres [kvHeads][headDim], floors [kvHeads]
                         int layer, int layers,
                         const int* slots,              // [rows]
                         const int* budgets,            // [slots][BUDGET_FIELDS]
                         float* blocks,                 // [heads][headDim], heads being rows * kvHeads
                         uint8_t* votes,                // [heads][tiles * tile_keys]
                         int tiles,
                         int tile_keys,                 // a multiple of SLAB_TOKENS
                         int tiles_of_block,            // 1 or 2
                         int kv_heads, int group, int subspaces, float scale,
                         int* counts) {                 // [heads][256][tiles] keys with a vote or a larger one
  extern __shared__ __align__(16) uint8_t table[];
  __shared__ Query query;
  int* histogram = reinterpret_cast<int*>(table + TABLE_BYTES);
  clear_histograms(histogram, tiles_of_block, VALUES);
  int head = int(blockIdx.y);
  int kv_head = head % kv_heads;
  int slot = slots[head / kv_heads];
  int keys = min(budgets[slot * BUDGET_FIELDS], tiles * tile_keys);
  ScoredTiles t;
  static_cast<Tiles&>(t) = tiles_of(index_slabs(id_table, slot, layer, layers), kv_head, keys, tiles, tile_keys,
                                    tiles_of_block, votes, counts);
  if (t.first >= keys) {
    await_previous();
    return;  // the whole block: no barrier is missed
  }
  t.norms = index_slabs(norm_table, slot, layer, layers);
  t.floor = vote_floor(centre_table[int64_t(slot) * layers + layer], kv_head, kv_heads, subspaces);
  Means means = {q, group, scale, blocks};
  switch (subspaces) {  // head sizes 16 to 256
    case 2: run<2>(t, means, query, table, histogram); break;
    case 4: run<4>(t, means, query, table, histogram); break;
    case 8: run<8>(t, means, query, table, histogram); break;
    case 16: run<16>(t, means, query, table, histogram); break;
    case 32: run<32>(t, means, query, table, histogram); break;
  }
  store_counts<VALUES>(t, histogram);
}

// retrieval_score_vote.cu -- retrieve.QueryBlocks, retrieve.CentroidScores, retrieve.ScoreVote and half of
// retrieve.BucketTopK in one launch, the first part of a fused retrieval by scores: the votes, and where to cut them.
//
// A block has one tile of the keys of one KV head; the host cuts tiles such that all blocks run at a time. Each block
// makes the table of its head for itself, since that costs less than another launch: a warp rotates the mean, and the
// largest score of a subspace is that of the centroid with the query's signs, the sum of its magnitudes; then every
// thread has four of 4,096 scores, eight additions each. How it looks ids up is in collision_vote.cuh: scores have six
// bits, so a lane's sums need 16, two keys a word. What it votes it counts at once, in a histogram that has a copy for
// every lane; where to cut is found by the block of a KV head that comes last, as retrieval_cut.cuh says. Bound by reading
// the ids and the norms, 2 bytes a key.
//
// Of what is read here a step writes the queries alone: keys are encoded, and slots and budgets uploaded, between steps,
// and behind those no launch overlaps. So slots, budgets, floors, ids and norms are read before the wait.
//
// grid (tiles, rows * kvHeads), block 1024, dynamic shared memory 64 KiB for the table and 32 KiB for the histogram.
// Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

#include "centroid_scores.cuh"
#include "collision_vote.cuh"
#include "query_blocks.cuh"
#include "retrieval_cut.cuh"
#include "score_vote.cuh"

constexpr int TABLE_BYTES = CENTROIDS * 2 * WARP * 4;
constexpr int MAX_SUBSPACES = 32;

/** What a block works on: one KV head of one row. */
struct Head {
  const uint64_t* ids;    // [MAX_SLABS]
  const uint64_t* norms;  // [MAX_SLABS]
  int kv_head;
  int keys;
  int floor;
  const float* q;         // [group][headDim]
  int group;
  float scale;
  float* blocks;          // [headDim], what the estimates need
  uint8_t* votes;
};

/** The mean query of a group, rotated. */
struct Query {
  float4 blocks[2 * MAX_SUBSPACES];
  float inverse;  // what its scores are multiplied by
};

/** What a lane has of the keys of its warp's tile. A warp has the same place in every slab that it comes to. */
template <int SUBSPACES>
struct Keys {
  using S = Split<SUBSPACES>;
  static constexpr int OWN = IN_FLIGHT / S::LANES;  // keys that it votes for; the lanes of a key take turns
  static_assert(S::BLOCK_TILE % SLAB_TOKENS == 0, "a block's tiles end where slabs do");
  uint32_t ids[IN_FLIGHT][S::WORDS];
  uint16_t norms[OWN];

  /** From the first key of the tile to the first of those that the lane votes for; the others follow every WARP. */
  static __device__ __forceinline__ int own() { return lane_id() % S::LANES * S::KEYS + lane_id() / S::LANES; }

  /** `row` is that of the tile in a slab of all KV heads. Keys beyond the last are read too: a slab has room for them. */
  __device__ __forceinline__ void load_ids_of(const Head& h, int slab, int row) {
    int first = row + lane_id() / S::LANES;
    const uint8_t* from = reinterpret_cast<const uint8_t*>(__ldg(h.ids + slab)) +
                          uint32_t(first * SUBSPACES + lane_id() % S::LANES * S::PER_LANE);
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      load_ids<SUBSPACES>(from + i * S::KEYS * SUBSPACES, ids[i]);
    }
  }

  __device__ __forceinline__ void load_norms_of(const Head& h, int slab, int row) {
    const uint16_t* from = reinterpret_cast<const uint16_t*>(__ldg(h.norms + slab)) + uint32_t(row + own());
#pragma unroll
    for (int i = 0; i < OWN; i++) {
      norms[i] = __ldcs(from + i * WARP);
    }
  }
};

/** Makes the block's query, and writes it to device memory if it is the first tile's. */
template <int SUBSPACES>
__device__ __forceinline__ void make_query(const Head& h, Query& query) {
  if (warp_id() == 0) {
    int64_t width = SUBSPACES * SUBSPACE_DIM;
    int subspace = lane_id() % SUBSPACES;
    float y[SUBSPACE_DIM] = {};
    group_mean(h.q + subspace * SUBSPACE_DIM, h.group, width, y);
    rotate_scaled(y, SUBSPACES, h.scale);
    float largest = warp_max(largest_score(y));
    if (lane_id() < SUBSPACES) {
      store_block(reinterpret_cast<float*>(query.blocks + 2 * subspace), y);
      if (blockIdx.x == 0) {
        store_block(h.blocks + subspace * SUBSPACE_DIM, y);
      }
    }
    if (lane_id() == 0) {
      query.inverse = score_inverse(largest);
    }
  }
  __syncthreads();  // the query is there
}

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

/** Votes for keys first to end - 1 and counts the votes; there is one key at least. Waits for the queries. */
template <int SUBSPACES>
__device__ __forceinline__ void vote(const Head& h, int first, int end, uint8_t* table, int* histogram, Query& query) {
  using S = Split<SUBSPACES>;
  using K = Keys<SUBSPACES>;
  K keys;
  int tile = first + warp_id() * S::WARP_TILE;
  int row = h.kv_head * SLAB_TOKENS + tile % SLAB_TOKENS;
  if (tile < end) {
    keys.load_ids_of(h, slab_index(tile), row);
    keys.load_norms_of(h, slab_index(tile), row);
  }
  await_previous();
  release_next();
  make_query<SUBSPACES>(h, query);
  fill_table_by<SUBSPACES>(
      [&](int subspace, int id) {
        return score_byte(signed_score(query.blocks[2 * subspace], query.blocks[2 * subspace + 1], id), query.inverse);
      },
      reinterpret_cast<uint32_t*>(table));
  __syncthreads();  // the table is complete, the histogram zero
  int part = lane_id() % S::LANES;
  while (tile < end) {
    int next = tile + S::BLOCK_TILE;
    uint32_t pairs[2] = {0, 0};
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      pairs[i % 2] += look_up<SUBSPACES>(table, keys.ids[i]) << 16 * (i / 2);
    }
    if (next < end) {
      keys.load_ids_of(h, slab_index(next), row);
    }
    add_pairs<SUBSPACES>(pairs);
#pragma unroll
    for (int i = 0; i < K::OWN; i++) {
      int sum = pairs[i % 2] >> 16 * ((i * S::LANES + part) / 2) & 0xffff;
      int vote = score_to_vote(sum - SCORE_BIAS * SUBSPACES, bf16_to_float(keys.norms[i]), h.floor);
      int key = tile + K::own() + i * WARP;
      if (key < end) {
        h.votes[key] = uint8_t(vote);
        atomicAdd(histogram + vote * WARP + lane_id(), 1);
      }
    }
    if (next < end) {
      keys.load_norms_of(h, slab_index(next), row);
    }
    tile = next;
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_score_vote(const float* q,                // [rows][kvHeads][group][headDim]
                         const uint64_t* id_table,      // [slots][layers][MAX_SLABS]
                         const uint64_t* norm_table,    // [slots][layers][MAX_SLABS]
                         const uint64_t* centre_table,  // [slots][layers] of centres [kvHeads][headDim], floors [kvHeads]
                         int layer, int layers,
                         const int* slots,              // [rows]
                         const int* budgets,            // [slots][BUDGET_FIELDS]
                         float* blocks,                 // [rows][kvHeads][headDim]
                         uint8_t* votes,                // [heads][tiles * tile_keys], heads being rows * kvHeads
                         int tile_keys, int kv_heads, int group, int subspaces, float scale,
                         int room,                      // most candidates
                         int k_room,                    // most selected
                         int spare,                     // entries that a tile may list besides its k best
                         int* counts,                   // [heads][tiles][256] keys of a tile with a vote
                         int* tickets,                  // [heads] zero before and after
                         int* threshold,                // [heads]
                         int* tile_start,               // [heads][tiles + 1]
                         int* tile_ties,                // [heads][tiles]
                         int* best_start) {             // [heads][tiles + 1]
  extern __shared__ __align__(16) uint8_t table[];
  __shared__ Shared shared;
  __shared__ Query query;
  int* histogram = reinterpret_cast<int*>(table + TABLE_BYTES);
  for (int i = threadIdx.x; i < VOTES * WARP; i += BLOCK) {
    histogram[i] = 0;
  }
  if (threadIdx.x < VOTES) {
    shared.totals[threadIdx.x] = 0;
  }
  int head = int(blockIdx.y);
  int tiles = int(gridDim.x);
  int slot = slots[head / kv_heads];
  const int* budget = budgets + slot * BUDGET_FIELDS;
  int keys = min(budget[0], tiles * tile_keys);
  int first = int(blockIdx.x) * tile_keys;
  if (first >= keys) {
    await_previous();
    return;  // the whole block: no barrier is missed
  }
  int64_t width = subspaces * SUBSPACE_DIM;
  int kv_head = head % kv_heads;
  Head h = {index_slabs(id_table, slot, layer, layers),
            index_slabs(norm_table, slot, layer, layers),
            kv_head,
            keys,
            vote_floor(centre_table[int64_t(slot) * layers + layer], kv_head, kv_heads, subspaces),
            q + head * group * width,
            group,
            scale,
            blocks + head * width,
            votes + int64_t(head) * tiles * tile_keys};
  int end = min(keys, first + tile_keys);
  switch (subspaces) {  // head sizes 16 to 256
    case 2: vote<2>(h, first, end, table, histogram, query); break;
    case 4: vote<4>(h, first, end, table, histogram, query); break;
    case 8: vote<8>(h, first, end, table, histogram, query); break;
    case 16: vote<16>(h, first, end, table, histogram, query); break;
    case 32: vote<32>(h, first, end, table, histogram, query); break;
  }
  Cut c = {min(min(budget[1], keys), room),
           min(budget[2], k_room) + spare,
           counts + int64_t(head) * tiles * VOTES,
           tickets + head,
           threshold + head,
           tile_start + int64_t(head) * (tiles + 1),
           tile_ties + int64_t(head) * tiles,
           best_start + int64_t(head) * (tiles + 1)};
  count_and_cut<VOTES>(c, ceil_div(keys, tile_keys), histogram, shared);
}

// retrieval_head_vote.cu -- retrieve.HeadBlocks, retrieve.CentroidScores and retrieve.ScoreVote for every head of a group,
// and half of retrieve.HeadVotes, in one launch: the first part of a fused retrieval per head. It leaves the votes of
// every head, and where each would cut.
//
// A block has one tile of the keys of one KV head and four heads of its group, and reads ids and norms once for them. It
// makes their table for itself, the four scores of a centroid in a word:
//
//   table [subspaces][256 centroids][COPIES] of 4 bytes: 64 KiB
//
// A thread has one key of every slab: a look-up is one load of four bytes, from the lane's copy, which as few lanes share
// as have room; they meet in banks two to three deep. Scores have six bits, so those of four subspaces add up in bytes,
// and these in 16 bits. Votes are counted at once, but not those of 0, which half of the keys have: all keys reach 0. The
// block of a KV head that comes last finds the cuts.
// Bound by the look-ups: 16 for a key of 128 coordinates, about three cycles for 32 of them.
//
// Of what is read here a step writes the queries alone, as in retrieval_score_vote.cu.
//
// grid (tiles, rows * kvHeads, ceil(group / 4)), block 1024, dynamic shared memory 64 KiB for the table and 32 KiB for
// the histograms. Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

#include "centroid_scores.cuh"
#include "query_blocks.cuh"
#include "score_vote.cuh"

constexpr int BLOCK = 1024;
constexpr int QUAD = 4;  // heads of a block
constexpr int VOTES = 256;
constexpr int TABLE_WORDS = 16384;
constexpr int HISTOGRAMS = 8;  // copies of each head's
constexpr int MAX_SUBSPACES = 32;

static_assert(BLOCK == SLAB_TOKENS, "a block has one slab of the keys at a time");
static_assert(BLOCK == QUAD * VOTES, "a thread has one value of one head's votes");

/** What a block works on: a tile of one KV head of one row, and up to four heads of its group. */
struct Tile {
  const uint64_t* ids;    // [MAX_SLABS]
  const uint64_t* norms;  // [MAX_SLABS]
  int kv_head;
  int first;              // key
  int end;
  int floor;
  int count;              // of heads
  int64_t stride;         // from the votes of one head to those of the next
  uint8_t* votes;         // of key 0 and the first head
};

/** The queries of four heads, rotated. */
struct Queries {
  float4 blocks[QUAD][2 * MAX_SUBSPACES];
  float inverses[QUAD];  // what scores are multiplied by; 0 where there is no head
};

/** The ids of a key, 4 in a word. */
template <int SUBSPACES>
struct Ids {
  static constexpr int WORDS = ceil_div(SUBSPACES, 4);
  static constexpr int OF_WORD = SUBSPACES / WORDS;
  uint32_t words[WORDS];

  __device__ __forceinline__ void load(const uint8_t* from) {
    if constexpr (WORDS >= 4) {
#pragma unroll
      for (int i = 0; i < WORDS; i += 4) {
        uint4 four = load128_once(from + 4 * i);
        words[i] = four.x;
        words[i + 1] = four.y;
        words[i + 2] = four.z;
        words[i + 3] = four.w;
      }
    } else if constexpr (WORDS == 2) {
      uint2 two = __ldcs(reinterpret_cast<const uint2*>(from));
      words[0] = two.x;
      words[1] = two.y;
    } else if constexpr (SUBSPACES == 4) {
      words[0] = __ldcs(reinterpret_cast<const uint32_t*>(from));
    } else {
      words[0] = __ldcs(reinterpret_cast<const uint16_t*>(from));
    }
  }
};

/** A warp makes the query of one head: `q` and `blocks` are those of the first, the others follow. */
template <int SUBSPACES>
__device__ __forceinline__ void make_queries(const float* q, float scale, float* blocks, int64_t block_stride, int count,
                                             Queries& queries) {
  constexpr int WIDTH = SUBSPACES * SUBSPACE_DIM;
  int head = warp_id();
  if (head < count) {
    int subspace = lane_id() % SUBSPACES;
    float y[SUBSPACE_DIM] = {};
    group_mean(q + head * WIDTH + subspace * SUBSPACE_DIM, 1, WIDTH, y);  // of one head
    rotate_scaled(y, SUBSPACES, scale);
    float inverse = score_inverse(warp_max(largest_score(y)));
    if (lane_id() < SUBSPACES) {
      store_block(reinterpret_cast<float*>(queries.blocks[head] + 2 * subspace), y);
      if (blockIdx.x == 0) {
        store_block(blocks + head * block_stride + subspace * SUBSPACE_DIM, y);
      }
    }
    if (lane_id() == 0) {
      queries.inverses[head] = inverse;
    }
  } else if (head < QUAD && lane_id() == 0) {
    queries.inverses[head] = 0;
  }
  __syncthreads();  // the queries are there
}

template <int SUBSPACES>
__device__ __forceinline__ void fill_table(const Queries& queries, uint32_t* table) {
  constexpr int COPIES = TABLE_WORDS / (SUBSPACES * CENTROIDS);
  for (int entry = threadIdx.x; entry < SUBSPACES * CENTROIDS; entry += BLOCK) {
    int subspace = entry / CENTROIDS;
    uint32_t scores = 0;
#pragma unroll
    for (int head = 0; head < QUAD; head++) {
      const float4* block = queries.blocks[head] + 2 * subspace;
      scores |= score_byte(signed_score(block[0], block[1], entry % CENTROIDS), queries.inverses[head]) << 8 * head;
    }
#pragma unroll
    for (int copy = 0; copy < COPIES; copy += 2) {
      *reinterpret_cast<uint2*>(table + entry * COPIES + copy) = make_uint2(scores, scores);
    }
  }
}

/** Votes for the keys of a tile and counts the votes. */
template <int SUBSPACES>
__device__ __forceinline__ void vote(const Tile& t, const float* q, float scale, float* blocks, int64_t block_stride,
                                     uint32_t* table, int* histograms, Queries& queries) {
  constexpr int COPIES = TABLE_WORDS / (SUBSPACES * CENTROIDS);
  uint32_t row = t.kv_head * SLAB_TOKENS + threadIdx.x;
  Ids<SUBSPACES> ids;
  uint16_t norm;
  auto load = [&](int slab) {  // keys beyond the last are read too: their slab has room for them
    ids.load(reinterpret_cast<const uint8_t*>(__ldg(t.ids + slab)) + row * SUBSPACES);
    norm = __ldcs(reinterpret_cast<const uint16_t*>(__ldg(t.norms + slab)) + row);
  };
  load(slab_index(t.first));
  await_previous();
  release_next();
  make_queries<SUBSPACES>(q, scale, blocks, block_stride, t.count, queries);
  fill_table<SUBSPACES>(queries, table);
  __syncthreads();  // the table is complete, the histograms are zero
  const uint32_t* own = table + lane_id() % COPIES;
  for (int key = t.first + int(threadIdx.x); key < t.end; key += BLOCK) {
    uint32_t even = 0;  // sums of heads 0 and 2, 16 bits each
    uint32_t odd = 0;   // and of 1 and 3
#pragma unroll
    for (int word = 0; word < Ids<SUBSPACES>::WORDS; word++) {
      uint32_t bytes = 0;
#pragma unroll
      for (int j = 0; j < Ids<SUBSPACES>::OF_WORD; j++) {
        int id = ids.words[word] >> 8 * j & 255;
        bytes += own[((word * 4 + j) * CENTROIDS + id) * COPIES];  // at most 4 * 63 a byte: none overflows
      }
      even += bytes & 0x00ff00ff;
      odd += bytes >> 8 & 0x00ff00ff;
    }
    float length = bf16_to_float(norm);
    if (key + BLOCK < t.end) {
      load(slab_index(key) + 1);
    }
#pragma unroll
    for (int head = 0; head < QUAD; head++) {
      if (head < t.count) {
        int sum = (head % 2 == 0 ? even : odd) >> 16 * (head / 2) & 0xffff;
        int vote = score_to_vote(sum - SCORE_BIAS * SUBSPACES, length, t.floor);
        t.votes[head * t.stride + key] = uint8_t(vote);
        if (vote != 0) {
          atomicAdd(histograms + (head * VOTES + vote) * HISTOGRAMS + lane_id() % HISTOGRAMS, 1);
        }
      }
    }
  }
}

/** The largest vote that `wanted` keys have or exceed; totals[vote] keys have it. For a whole warp. */
__device__ __forceinline__ int find_cut(const int* totals, int wanted) {
  constexpr int PER_LANE = VOTES / WARP;
  const int* own = totals + VOTES - 1 - lane_id() * PER_LANE;  // descending: the lanes before have the larger votes
  int sum = 0;
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) {
    sum += *(own - i);
  }
  int reaching = sum;
#pragma unroll
  for (int distance = 1; distance < WARP; distance *= 2) {
    int before = __shfl_up_sync(FULL_WARP, reaching, distance);
    reaching += lane_id() >= distance ? before : 0;
  }
  reaching -= sum;
  int enough = 0;
#pragma unroll
  for (int i = 0; i < PER_LANE; i++) {
    reaching += *(own - i);
    enough += reaching >= wanted;
  }
  return warp_sum(enough) - 1;
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_head_vote(const float* q,                // [heads][group][headDim], heads being rows * kvHeads
                        const uint64_t* id_table,      // [slots][layers][MAX_SLABS]
                        const uint64_t* norm_table,    // [slots][layers][MAX_SLABS]
                        const uint64_t* centre_table,  // [slots][layers] of centres [kvHeads][headDim], floors [kvHeads]
                        int layer, int layers,
                        const int* slots,              // [rows]
                        const int* budgets,            // [slots][BUDGET_FIELDS]
                        float* blocks,                 // [group][heads][headDim]
                        uint8_t* votes,                // [group][heads][tiles * tile_keys]
                        int tile_keys, int kv_heads, int group, int subspaces, float scale,
                        int room,                      // most candidates
                        int* totals,                   // [heads][quads][4][256] zero before and after
                        int* tickets,                  // [heads][quads] zero before and after
                        int* cuts) {                   // [group][heads]
  extern __shared__ __align__(16) uint32_t looked_up[];
  __shared__ Queries queries;
  int* histograms = reinterpret_cast<int*>(looked_up + TABLE_WORDS);
  for (int i = threadIdx.x; i < QUAD * VOTES * HISTOGRAMS; i += BLOCK) {
    histograms[i] = 0;
  }
  int head = int(blockIdx.y);
  int heads = int(gridDim.y);
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
  int first_head = int(blockIdx.z) * QUAD;
  int64_t stride = int64_t(heads) * tiles * tile_keys;
  Tile t = {index_slabs(id_table, slot, layer, layers),
            index_slabs(norm_table, slot, layer, layers),
            kv_head,
            first,
            min(keys, first + tile_keys),
            vote_floor(centre_table[int64_t(slot) * layers + layer], kv_head, kv_heads, subspaces),
            min(group - first_head, QUAD),
            stride,
            votes + first_head * stride + int64_t(head) * tiles * tile_keys};
  const float* own_q = q + (int64_t(head) * group + first_head) * width;
  float* own_blocks = blocks + (int64_t(first_head) * heads + head) * width;
  switch (subspaces) {  // head sizes 16 to 256
    case 2: vote<2>(t, own_q, scale, own_blocks, heads * width, looked_up, histograms, queries); break;
    case 4: vote<4>(t, own_q, scale, own_blocks, heads * width, looked_up, histograms, queries); break;
    case 8: vote<8>(t, own_q, scale, own_blocks, heads * width, looked_up, histograms, queries); break;
    case 16: vote<16>(t, own_q, scale, own_blocks, heads * width, looked_up, histograms, queries); break;
    case 32: vote<32>(t, own_q, scale, own_blocks, heads * width, looked_up, histograms, queries); break;
  }
  __syncthreads();  // all votes are counted
  const uint4* copies = reinterpret_cast<const uint4*>(histograms + threadIdx.x * HISTOGRAMS);
  uint4 a = copies[0];
  uint4 b = copies[1];
  int count = int(a.x + a.y + a.z + a.w + b.x + b.y + b.z + b.w);
  int quad = head * int(gridDim.z) + int(blockIdx.z);
  int* total = totals + int64_t(quad) * BLOCK + threadIdx.x;
  if (count != 0) {
    atomicAdd(total, count);
  }
  if (is_last_block(tickets + quad, ceil_div(keys, tile_keys))) {
    int* all = histograms;  // all threads have read it
    all[threadIdx.x] = threadIdx.x % VOTES == 0 ? keys : __ldcg(total);
    *total = 0;
    __syncthreads();  // the totals are there
    if (warp_id() < t.count) {
      int cut = find_cut(all + warp_id() * VOTES, min(budget[1], min(keys, room)));
      if (lane_id() == 0) {
        cuts[(first_head + warp_id()) * heads + head] = cut;
      }
    }
  }
}

// retrieval_head_vote.cu -- retrieve.HeadBlocks, retrieve.CentroidScores and retrieve.ScoreVote for every head of a group,
// in one launch: the first part of a fused retrieval per head. It leaves the votes of every head, and how many keys have
// which, from which retrieval_head_combine.cu finds where each head would cut.
//
// A block has one tile of the keys of one KV head and four heads of its group, and reads ids and norms once for them. It
// makes their table for itself, the four scores of a centroid in a word:
//
//   table [subspaces][256 centroids][COPIES] of 4 bytes: 64 KiB
//
// A thread has every 512th key, TURNS of them on their way. A look-up is one load of four bytes, from the lane's copy, which
// as few lanes share as have room; they meet in banks two to three deep. Scores have six bits, so those of four subspaces
// add up in bytes, and these in 16 bits. Votes are counted at once, but not those of 0, which half of the keys have: all
// keys reach 0.
// Bound by the look-ups: 16 for a key of 128 coordinates, about three cycles for 32 of them.
//
// Of what is read here a step writes the queries alone, as in retrieval_score_vote.cu.
//
// grid (tiles, rows * kvHeads, ceil(group / 4)), block 512, dynamic shared memory 64 KiB for the table and 32 KiB for
// the histograms. Blocks beyond the budget's number of keys exit.
#include "pariskv.cuh"

#include "score_query.cuh"
#include "score_vote.cuh"

constexpr int BLOCK = 512;
constexpr int QUAD = 4;   // heads of a block
constexpr int TURNS = 2;  // keys of a thread on their way
constexpr int VOTES = 256;
constexpr int TABLE_WORDS = 16384;
constexpr int HISTOGRAMS = 8;  // copies of each head's

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

/** What a vote for a key needs: its ids, 4 in a word, and its norm. */
template <int SUBSPACES>
struct Key {
  static constexpr int WORDS = ceil_div(SUBSPACES, 4);
  static constexpr int OF_WORD = SUBSPACES / WORDS;
  uint32_t words[WORDS];
  uint16_t norm;

  /** Starts loading. Keys beyond the last are read too: their slab has room for them. */
  __device__ __forceinline__ void load(const Tile& t, int key) {
    int slab = slab_index(key);
    norm = __ldcs(reinterpret_cast<const uint16_t*>(__ldg(t.norms + slab)) + slab_offset(t.kv_head, key, 1));
    const uint8_t* from = reinterpret_cast<const uint8_t*>(__ldg(t.ids + slab)) +
                          slab_offset(t.kv_head, key, SUBSPACES);
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

/** Where queries come from, and where the estimates will find them. */
struct Rotation {
  const float* q;  // [heads][group][headDim]
  int group;
  float scale;
  float* blocks;   // [group][heads][headDim]
};

/** A warp makes the query of one head; there are `count`. */
template <int SUBSPACES>
__device__ __forceinline__ void make_queries(const Rotation& r, int count, Query* queries) {
  constexpr int64_t WIDTH = SUBSPACES * SUBSPACE_DIM;
  int head = warp_id();
  if (head < count) {
    int of_group = int(blockIdx.z) * QUAD + head;
    make_query<SUBSPACES>(r.q + (int64_t(blockIdx.y) * r.group + of_group) * WIDTH, 1, r.scale,
                          r.blocks + (int64_t(of_group) * gridDim.y + blockIdx.y) * WIDTH, queries[head]);
  } else if (head < QUAD && lane_id() == 0) {
    queries[head].inverse = 0;  // there is no head
  }
  __syncthreads();  // the queries are there
}

template <int SUBSPACES>
__device__ __forceinline__ void fill_table(const Query* queries, uint32_t* table) {
  constexpr int COPIES = TABLE_WORDS / (SUBSPACES * CENTROIDS);
  for (int entry = threadIdx.x; entry < SUBSPACES * CENTROIDS; entry += BLOCK) {
    uint32_t scores = 0;
#pragma unroll
    for (int head = 0; head < QUAD; head++) {
      scores |= score_of(queries[head], entry / CENTROIDS, entry % CENTROIDS) << 8 * head;
    }
#pragma unroll
    for (int copy = 0; copy < COPIES; copy += 2) {
      *reinterpret_cast<uint2*>(table + entry * COPIES + copy) = make_uint2(scores, scores);
    }
  }
}

/** Votes for a key and counts its votes; `own` is the lane's copy of the table. */
template <int SUBSPACES>
__device__ __forceinline__ void vote_for(const Tile& t, const Key<SUBSPACES>& k, int key, const uint32_t* own,
                                         int* histograms) {
  constexpr int COPIES = TABLE_WORDS / (SUBSPACES * CENTROIDS);
  uint32_t even = 0;  // sums of heads 0 and 2, 16 bits each
  uint32_t odd = 0;   // and of 1 and 3
#pragma unroll
  for (int word = 0; word < Key<SUBSPACES>::WORDS; word++) {
    uint32_t bytes = 0;
#pragma unroll
    for (int j = 0; j < Key<SUBSPACES>::OF_WORD; j++) {
      int id = k.words[word] >> 8 * j & 255;
      bytes += own[((word * 4 + j) * CENTROIDS + id) * COPIES];  // at most 4 * 63 a byte: none overflows
    }
    even += bytes & 0x00ff00ff;
    odd += bytes >> 8 & 0x00ff00ff;
  }
#pragma unroll
  for (int head = 0; head < QUAD; head++) {
    if (head < t.count) {
      int sum = (head % 2 == 0 ? even : odd) >> 16 * (head / 2) & 0xffff;
      int vote = score_to_vote(sum - SCORE_BIAS * SUBSPACES, bf16_to_float(k.norm), t.floor);
      t.votes[head * t.stride + key] = uint8_t(vote);
      if (vote != 0) {
        atomicAdd(histograms + (head * VOTES + vote) * HISTOGRAMS + lane_id() % HISTOGRAMS, 1);
      }
    }
  }
}

/** Votes for the keys of a tile and counts the votes. */
template <int SUBSPACES>
__device__ __forceinline__ void vote(const Tile& t, const Rotation& r, uint32_t* table, int* histograms,
                                     Query* queries) {
  constexpr int COPIES = TABLE_WORDS / (SUBSPACES * CENTROIDS);
  Key<SUBSPACES> keys[TURNS];
  int key = t.first + int(threadIdx.x);
#pragma unroll
  for (int turn = 0; turn < TURNS; turn++) {
    if (key + turn * BLOCK < t.end) {
      keys[turn].load(t, key + turn * BLOCK);
    }
  }
  await_previous();
  release_next();
  make_queries<SUBSPACES>(r, t.count, queries);
  fill_table<SUBSPACES>(queries, table);
  __syncthreads();  // the table is complete, the histograms are zero
  const uint32_t* own = table + lane_id() % COPIES;
  for (; key < t.end; key += TURNS * BLOCK) {
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
      int next = key + (TURNS + turn) * BLOCK;
      if (next - TURNS * BLOCK < t.end) {
        vote_for(t, keys[turn], next - TURNS * BLOCK, own, histograms);
      }
      if (next < t.end) {
        keys[turn].load(t, next);
      }
    }
  }
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
                        int* totals) {                 // [heads][group][256] how many keys have a vote; zero before
  extern __shared__ __align__(16) uint32_t looked_up[];
  __shared__ Query queries[QUAD];
  int* histograms = reinterpret_cast<int*>(looked_up + TABLE_WORDS);
  for (int i = threadIdx.x; i < QUAD * VOTES * HISTOGRAMS / 4; i += BLOCK) {
    reinterpret_cast<uint4*>(histograms)[i] = make_uint4(0, 0, 0, 0);
  }
  int head = int(blockIdx.y);
  int heads = int(gridDim.y);
  int tiles = int(gridDim.x);
  int slot = slots[head / kv_heads];
  int keys = min(budgets[slot * BUDGET_FIELDS], tiles * tile_keys);
  int first = int(blockIdx.x) * tile_keys;
  if (first >= keys) {
    await_previous();
    return;  // the whole block: no barrier is missed
  }
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
  Rotation r = {q, group, scale, blocks};
  switch (subspaces) {  // head sizes 16 to 256
    case 2: vote<2>(t, r, looked_up, histograms, queries); break;
    case 4: vote<4>(t, r, looked_up, histograms, queries); break;
    case 8: vote<8>(t, r, looked_up, histograms, queries); break;
    case 16: vote<16>(t, r, looked_up, histograms, queries); break;
    case 32: vote<32>(t, r, looked_up, histograms, queries); break;
  }
  __syncthreads();  // all votes are counted
  int* own_totals = totals + (int64_t(head) * group + first_head) * VOTES;
#pragma unroll 1
  for (int i = threadIdx.x; i < QUAD * VOTES; i += BLOCK) {
    const uint4* copies = reinterpret_cast<const uint4*>(histograms + i * HISTOGRAMS);
    uint4 a = copies[0];
    uint4 b = copies[1];
    int count = int(a.x + a.y + a.z + a.w + b.x + b.y + b.z + b.w);
    if (count != 0) {  // none of heads that there are not
      atomicAdd(own_totals + i, count);
    }
  }
}

// retrieval_candidates.cuh -- part of retrieval_select.cu and retrieval_head_scores.cu: which keys of a tile are
// candidates, and their estimates. Each has constants before it: BLOCK, its threads, CANDIDATES of a lane and MOST_OWN of
// their subspaces. A lane loads its parts of CANDIDATES candidates while it estimates as many others. The fewer lanes share
// a candidate, the fewer have to find out where its record is, and the more registers each needs. Four votes are compared
// at a time, as the bytes of a word.

#include "rerank.cuh"

constexpr int VOTES = 16;  // of a 128-bit load

/** What the block has once, besides what depends on sizes. */
struct Shared {
  float values[16];  // of codes
  uint32_t high;     // largest bits of a score of the tile
};

/** Bit i of four is set if byte i of `flags` has its upper bit set, and no other bits; they go below those of `before`. */
__device__ __forceinline__ uint32_t append_flags(uint32_t before, uint32_t flags) {
  return __funnelshift_l(flags * 0x00204081u, before, 4);  // the product has the four as its upper bits
}

/** Which of a thread's votes are above and at a threshold of 0 to 255, bit i for the i-th. */
__device__ __forceinline__ void compare(uint4 votes, int threshold, uint32_t& above, uint32_t& at) {
  constexpr uint32_t UPPER = 0x80808080u;
  uint32_t limits = threshold * 0x01010101u;
  uint32_t words[VOTES / 4] = {votes.x, votes.y, votes.z, votes.w};
  above = 0;
  at = 0;
#pragma unroll
  for (int i = VOTES / 4 - 1; i >= 0; i--) {
    uint32_t v = words[i];
    // a byte is larger if it and the limit's complement make more than 255: then half their sum has the upper bit
    above = append_flags(above, ((v & ~limits) + ((v ^ ~limits) >> 1 & ~UPPER)) & UPPER);
    uint32_t differs = v ^ limits;
    at = append_flags(at, ~(((differs & ~UPPER) + ~UPPER) | differs) & UPPER);
  }
}

/** Lists the candidates among the `keys` keys of a tile by their positions in it; `loaded` are a thread's first votes. */
__device__ __forceinline__ void list_candidates(const uint4* votes, uint4 loaded, int keys, int threshold, int ties,
                                                int* positions, int room) {
  __shared__ uint32_t scratch[WARP];
  int above_before = 0;
  int at_before = 0;
  if (threshold < 0) {  // all are candidates
    threshold = 0;
    ties = keys;
  }
  for (int from = 0; from < keys; from += BLOCK * VOTES) {
    int own = from + int(threadIdx.x) * VOTES;
    uint32_t above;
    uint32_t at;
    compare(loaded, threshold, above, at);
    int next = own + BLOCK * VOTES;
    if (next < keys) {
      loaded = votes[next / VOTES];
    }
    uint32_t exist = (1u << min(max(keys - own, 0), VOTES)) - 1;
    above &= exist;
    at &= exist;
    uint32_t total;
    uint32_t before = block_scan(uint32_t(__popc(above) | __popc(at) << 16), scratch, total);  // at most 2^13 of each
    int own_at = at_before + int(before >> 16);
    int place = above_before + int(before & 0xffff) + min(own_at, ties);
#pragma unroll 1
    for (uint32_t chosen = above | lowest_bits(at, ties - own_at); chosen != 0; chosen &= chosen - 1) {
      if (place < room) {
        positions[place++] = own + __ffs(chosen) - 1;
      }
    }
    above_before += int(total & 0xffff);
    at_before += int(total >> 16);
  }
}

/** Estimates the candidates of a tile; `slabs` are the addresses of its slabs. */
template <int SUBSPACES>
__device__ __forceinline__ void estimate(const uint64_t* slabs, int kv_head, const float* p, const int* positions,
                                         uint32_t* bits, int count, Shared& shared) {
  constexpr int OWN = SUBSPACES < MOST_OWN ? SUBSPACES : MOST_OWN;
  constexpr int LANES = SUBSPACES / OWN;                 // of a candidate
  constexpr int OF_LANE = ceil_div(CANDIDATES, LANES);   // candidates that a lane writes
  constexpr int OF_WARP = WARP / LANES * CANDIDATES;     // candidates that are estimated at once
  constexpr int OF_BLOCK = BLOCK / WARP * OF_WARP;
  int lane = threadIdx.x % LANES;
  int group = lane_id() / LANES * CANDIDATES;
  float query[OWN * SUBSPACE_DIM];
  Part<SUBSPACES, OWN>::load_query(p, lane, query);
  Part<SUBSPACES, OWN> next[CANDIDATES];
  auto load = [&](int from) {
#pragma unroll
    for (int i = 0; i < CANDIDATES; i++) {
      int key = positions[min(from + group + i, count - 1)];  // all lanes shuffle
      uint64_t record = slabs[slab_index(key)] + slab_offset(kv_head, key, 6 * SUBSPACES);
      next[i].load(reinterpret_cast<const uint8_t*>(record), lane);
    }
  };
  int from = warp_id() * OF_WARP;
  if (from < count) {
    load(from);
  }
  uint32_t high = 0;
  for (; from < count; from += OF_BLOCK) {
    Part<SUBSPACES, OWN> parts[CANDIDATES];
#pragma unroll
    for (int i = 0; i < CANDIDATES; i++) {
      parts[i] = next[i];
    }
    if (from + OF_BLOCK < count) {
      load(from + OF_BLOCK);
    }
    __syncwarp();  // keeps the compiler from loading some of them later
    float x[CANDIDATES][OWN];
#pragma unroll
    for (int i = 0; i < CANDIDATES; i++) {
      parts[i].products(query, shared.values, x[i]);
    }
    add_up<LANES>(x, lane);
    int own = from + group + lane * CANDIDATES / LANES;
#pragma unroll
    for (int i = 0; i < OF_LANE; i++) {
      if (own + i < count) {
        uint32_t score = ordered(x[i][0]);
        bits[own + i] = score;
        high = max(high, score);
      }
    }
  }
  high = __reduce_max_sync(FULL_WARP, high);
  if (lane_id() == 0) {
    atomicMax(&shared.high, high);
  }
  __syncthreads();  // all are estimated
}

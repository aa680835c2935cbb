// retrieval_candidates.cuh -- part of retrieval_select.cu: which keys of a tile are candidates, and their estimates. A lane
// loads the records of CANDIDATES candidates while it estimates as many others: more at once would not fit in its
// registers, and with two such sets all that a tile has at 128K keys is on its way at once.

#include "rerank.cuh"

constexpr int VOTES = 16;      // of a 128-bit load
constexpr int OWN = 2;         // subspaces of a lane
constexpr int CANDIDATES = 4;  // of a lane, and as many on their way

/** What the block has once, besides what depends on sizes. */
struct Shared {
  float values[16];  // of codes
  uint32_t high;     // largest bits of a score of the tile
};

/** Lists the candidates among the `keys` keys of a tile by their positions in it; `loaded` are a thread's first votes. */
__device__ __forceinline__ void list_candidates(const uint4* votes, uint4 loaded, int keys, int threshold, int ties,
                                                int* positions, int room) {
  __shared__ uint32_t scratch[WARP];
  int above_before = 0;
  int at_before = 0;
  for (int from = 0; from < keys; from += BLOCK * VOTES) {
    int own = from + int(threadIdx.x) * VOTES;
    uint32_t words[VOTES / 4] = {loaded.x, loaded.y, loaded.z, loaded.w};
    int next = own + BLOCK * VOTES;
    if (next < keys) {
      loaded = votes[next / VOTES];
    }
    uint32_t above = 0;
    uint32_t at = 0;
#pragma unroll
    for (int i = 0; i < VOTES; i++) {
      int vote = words[i / 4] >> 8 * (i % 4) & 255;
      above |= uint32_t(own + i < keys && vote > threshold) << i;
      at |= uint32_t(own + i < keys && vote == threshold) << i;
    }
    uint32_t total;
    uint32_t before = block_scan(uint32_t(__popc(above) | __popc(at) << 16), scratch, total);  // at most 2^13 of each
    int own_at = at_before + int(before >> 16);
    int place = above_before + int(before & 0xffff) + min(own_at, ties);
    for (uint32_t chosen = above | lowest_bits(at, ties - own_at); chosen != 0; chosen &= chosen - 1) {
      if (place < room) {
        positions[place++] = own + __ffs(chosen) - 1;
      }
    }
    above_before += int(total & 0xffff);
    at_before += int(total >> 16);
  }
}

/** Starts the copy of the address of a slab to shared memory. */
__device__ __forceinline__ void copy_address(uint64_t* target, const uint64_t* source) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(shared_address(target)),
               "l"(__cvta_generic_to_global(source))
               : "memory");
}

/** Estimates the candidates of a tile; `slabs` are the addresses of its slabs. */
template <int SUBSPACES>
__device__ __forceinline__ void estimate(const uint64_t* slabs, int kv_head, const float* p, const int* positions,
                                         uint32_t* bits, int count, Shared& shared) {
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

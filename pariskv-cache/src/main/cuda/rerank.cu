// rerank.cu -- stage 5e: an estimate of q.k for every candidate from its codes, bit for bit as io.pariskv.retrieve.Rerank
// says.
//
// A candidate's record (96 bytes at headDim 128) is read by neighbouring lanes, 4 subspaces each. A lane keeps its part
// of the query in registers for all its candidates, and has the records of CANDIDATES of them in flight. Bound by
// latency and bytes of records from all over the zone.
// grid (blocks for the capacity of candidates, kvHeads, rows), block 128. Blocks stride over the candidates, and end at
// once when there are none for them: the grid depends on the capacity alone.

#include "rerank.cuh"

constexpr int THREADS = 128;
constexpr int CANDIDATES = 4;  // of a lane

template <int SUBSPACES>
__device__ __forceinline__ void rerank(const uint64_t* slabs, const float* p, const int* candidates, float* scores,
                                       int head, int count) {
  constexpr int OWN = SUBSPACES > 4 ? 4 : SUBSPACES;              // subspaces of a lane
  constexpr int LANES = SUBSPACES / OWN;                          // of a candidate
  constexpr int OF_LANE = ceil_div(CANDIDATES, LANES);            // candidates that a lane writes
  constexpr int OF_BLOCK = THREADS / LANES * CANDIDATES;          // candidates that are in flight
  if (int64_t(blockIdx.x) * OF_BLOCK >= count) {
    return;
  }
  __shared__ float values[16];
  fill_values(values);
  __syncthreads();  // values are there

  int lane = threadIdx.x % LANES;
  float query[OWN * SUBSPACE_DIM];
  Part<SUBSPACES, OWN>::load_query(p, lane, query);
  for (int tile = blockIdx.x * OF_BLOCK; tile < count; tile += gridDim.x * OF_BLOCK) {
    int first = tile + threadIdx.x / LANES * CANDIDATES;
    Part<SUBSPACES, OWN> parts[CANDIDATES];
#pragma unroll
    for (int i = 0; i < CANDIDATES; i++) {
      int key = first + i < count ? candidates[first + i] : 0;  // all lanes shuffle: any key will do
      const uint8_t* slab = reinterpret_cast<const uint8_t*>(slabs[slab_index(key)]);
      parts[i].load(slab + slab_offset(head, key, 6 * SUBSPACES), lane);
    }
    __syncwarp();  // keeps the compiler from loading some of them later
    float x[CANDIDATES][OWN];
#pragma unroll
    for (int i = 0; i < CANDIDATES; i++) {
      parts[i].products(query, values, x[i]);
    }
    add_up<LANES>(x, lane);
    int own = first + lane * CANDIDATES / LANES;
#pragma unroll
    for (int i = 0; i < OF_LANE; i++) {
      if (own + i < count) {
        scores[own + i] = x[i][0];
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    rerank(const uint64_t* record_table,  // [slots][layers][MAX_SLABS]
           const int* budgets,            // [slots][BUDGET_FIELDS]
           const int* slots,              // [rows]
           const float* blocks,           // [rows][kvHeads][headDim]
           const int* candidates,         // [rows][kvHeads][candidate_capacity]
           float* scores,                 // [rows][kvHeads][score_capacity]
           int layer, int layers, int subspaces, int candidate_capacity, int score_capacity) {
  int slot = slots[blockIdx.z];
  const int* budget = budgets + slot * BUDGET_FIELDS;
  int count = min(min(budget[0], budget[1]), min(candidate_capacity, score_capacity));
  int head = blockIdx.y;
  int64_t row = int64_t(blockIdx.z) * gridDim.y + head;
  const uint64_t* slabs = index_slabs(record_table, slot, layer, layers);
  const float* p = blocks + row * subspaces * SUBSPACE_DIM;
  const int* from = candidates + row * candidate_capacity;
  float* to = scores + row * score_capacity;
  switch (subspaces) {
    case 2: return rerank<2>(slabs, p, from, to, head, count);
    case 4: return rerank<4>(slabs, p, from, to, head, count);
    case 8: return rerank<8>(slabs, p, from, to, head, count);
    case 16: return rerank<16>(slabs, p, from, to, head, count);
    case 32: return rerank<32>(slabs, p, from, to, head, count);
  }
}

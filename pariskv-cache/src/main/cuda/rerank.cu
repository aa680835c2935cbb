// rerank.cu -- stage 5e: an estimate of q.k for every candidate from its codes, bit for bit as io.pariskv.retrieve.Rerank
// says.
//
// A candidate's record (96 bytes at headDim 128) is read by neighbouring lanes, 4 subspaces each: one 16-byte load of
// codes, one 8-byte load of weights. A lane keeps its part of the query in registers for all its candidates, has the
// records of CANDIDATES of them in flight, and looks the values of codes up in shared memory: 16 words, no conflicts.
// The halving sum crosses lanes by shuffles. Bound by latency and bytes of records from all over the zone.
// grid (blocks for the capacity of candidates, kvHeads, rows), block 128. Blocks stride over the candidates, and end at
// once when there are none for them: the grid depends on the capacity alone.

constexpr int THREADS = 128;
constexpr int CANDIDATES = 4;  // of a lane

/** Codes and weights of the subspaces of one lane. */
template <int SUBSPACES>
struct Part {
  static constexpr int OWN = SUBSPACES > 4 ? 4 : SUBSPACES;
  uint32_t codes[OWN];
  uint32_t weights[OWN / 2];  // pairs of bf16

  __device__ __forceinline__ void load(const uint8_t* record, int lane) {
    const uint32_t* from = reinterpret_cast<const uint32_t*>(record);
    if constexpr (SUBSPACES >= 8) {
      uint4 c = load128_once(from + lane * OWN);
      uint2 w = __ldcs(reinterpret_cast<const uint2*>(from + SUBSPACES + lane * OWN / 2));
      codes[0] = c.x;
      codes[1] = c.y;
      codes[2] = c.z;
      codes[3] = c.w;
      weights[0] = w.x;
      weights[1] = w.y;
    } else {  // records of 12 and 24 bytes are not 16-byte aligned
#pragma unroll
      for (int b = 0; b < OWN; b++) {
        codes[b] = __ldcs(from + b);
      }
#pragma unroll
      for (int b = 0; b < OWN / 2; b++) {
        weights[b] = __ldcs(from + SUBSPACES + b);
      }
    }
  }

  /** The estimate; right in the first lane of a candidate. */
  __device__ __forceinline__ float score(const float (&p)[OWN * SUBSPACE_DIM], const float* values) const {
    float x[OWN];
#pragma unroll
    for (int b = 0; b < OWN; b++) {
      float sum = 0.0f;
#pragma unroll
      for (int j = 0; j < SUBSPACE_DIM; j++) {
        sum = __fmaf_rn(values[codes[b] >> 4 * j & 15], p[b * SUBSPACE_DIM + j], sum);
      }
      x[b] = __fmul_rn(sum, b % 2 == 0 ? bf16_low(weights[b / 2]) : bf16_high(weights[b / 2]));
    }
#pragma unroll
    for (int half = SUBSPACES / 2; half > 0; half /= 2) {
#pragma unroll
      for (int b = 0; b < OWN; b++) {
        if (half >= OWN) {
          x[b] = __fadd_rn(x[b], __shfl_xor_sync(FULL_WARP, x[b], half / OWN));
        } else if (b < half) {
          x[b] = __fadd_rn(x[b], x[b + half]);
        }
      }
    }
    return x[0];
  }
};

template <int SUBSPACES>
__device__ __forceinline__ void rerank(const uint64_t* slabs, const float* p, const int* candidates, float* scores,
                                       int head, int count) {
  constexpr int LANES = SUBSPACES > 4 ? SUBSPACES / 4 : 1;  // of a candidate
  constexpr int OWN = SUBSPACES / LANES * SUBSPACE_DIM;     // coordinates of a lane
  constexpr int STEP = THREADS / LANES;                     // candidates that the block scores side by side
  if (int64_t(blockIdx.x) * STEP * CANDIDATES >= count) {
    return;
  }
  __shared__ float values[16];  // of codes: bit 3 is set for plus
  if (threadIdx.x < 16) {
    values[threadIdx.x] = threadIdx.x < 8 ? -LEVELS[threadIdx.x] : LEVELS[threadIdx.x - 8];
  }
  __syncthreads();

  int lane = threadIdx.x % LANES;
  float query[OWN];
#pragma unroll
  for (int j = 0; j < OWN; j += 4) {
    float4 four = *reinterpret_cast<const float4*>(p + lane * OWN + j);
    query[j] = four.x;
    query[j + 1] = four.y;
    query[j + 2] = four.z;
    query[j + 3] = four.w;
  }
  for (int tile = blockIdx.x * STEP * CANDIDATES; tile < count; tile += gridDim.x * STEP * CANDIDATES) {
    int first = tile + threadIdx.x / LANES;
    Part<SUBSPACES> parts[CANDIDATES];
#pragma unroll
    for (int i = 0; i < CANDIDATES; i++) {
      int key = first + i * STEP < count ? candidates[first + i * STEP] : 0;  // all lanes shuffle: any key will do
      const uint8_t* slab = reinterpret_cast<const uint8_t*>(slabs[slab_index(key)]);
      parts[i].load(slab + slab_offset(head, key, 6 * SUBSPACES), lane);
    }
#pragma unroll
    for (int i = 0; i < CANDIDATES; i++) {
      float score = parts[i].score(query, values);
      if (lane == 0 && first + i * STEP < count) {
        scores[first + i * STEP] = score;
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

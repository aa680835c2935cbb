// rerank.cuh -- what rerank.cu and retrieval_select.cu share: the estimate of a candidate from its record. Without a
// guard: each needs it in its namespace.
//
// Neighbouring lanes share candidates, OWN subspaces each: one load of codes, one of weights. The values of codes are
// looked up in shared memory, 16 words, no conflicts; the halving sum crosses lanes by shuffles.

/** What codes stand for, to be filled by the first 16 threads; bit 3 of a code is set for plus. */
__device__ __forceinline__ void fill_values(float (&values)[16]) {
  if (threadIdx.x < 16) {
    values[threadIdx.x] = threadIdx.x < 8 ? -LEVELS[threadIdx.x] : LEVELS[threadIdx.x - 8];
  }
}

/** Codes and weights of the OWN subspaces, 2 or 4, of one lane of SUBSPACES / OWN. */
template <int SUBSPACES, int OWN>
struct Part {
  static constexpr int COORDINATES = OWN * SUBSPACE_DIM;
  static constexpr bool WHOLE = 6 * SUBSPACES % (4 * OWN) == 0;  // records are aligned for loads of all codes at once
  uint32_t codes[OWN];
  uint32_t weights[OWN / 2];  // pairs of bf16

  /** The lane's part of a query of SUBSPACES * SUBSPACE_DIM coordinates. */
  static __device__ __forceinline__ void load_query(const float* p, int lane, float (&query)[COORDINATES]) {
#pragma unroll
    for (int j = 0; j < COORDINATES; j += 4) {
      float4 four = *reinterpret_cast<const float4*>(p + lane * COORDINATES + j);
      query[j] = four.x;
      query[j + 1] = four.y;
      query[j + 2] = four.z;
      query[j + 3] = four.w;
    }
  }

  __device__ __forceinline__ void load(const uint8_t* record, int lane) {
    const uint32_t* own_codes = reinterpret_cast<const uint32_t*>(record) + lane * OWN;
    const uint32_t* own_weights = reinterpret_cast<const uint32_t*>(record) + SUBSPACES + lane * OWN / 2;
    if constexpr (WHOLE && OWN == 4) {
      uint4 c = load128_once(own_codes);
      uint2 w = __ldcs(reinterpret_cast<const uint2*>(own_weights));
      codes[0] = c.x;
      codes[1] = c.y;
      codes[2] = c.z;
      codes[3] = c.w;
      weights[0] = w.x;
      weights[1] = w.y;
    } else if constexpr (WHOLE) {
      uint2 c = __ldcs(reinterpret_cast<const uint2*>(own_codes));
      codes[0] = c.x;
      codes[1] = c.y;
      weights[0] = __ldcs(own_weights);
    } else {  // records of 12 and 24 bytes
#pragma unroll
      for (int b = 0; b < OWN; b++) {
        codes[b] = __ldcs(own_codes + b);
      }
#pragma unroll
      for (int b = 0; b < OWN / 2; b++) {
        weights[b] = __ldcs(own_weights + b);
      }
    }
  }

  /** What each subspace adds to the estimate. */
  __device__ __forceinline__ void products(const float (&query)[COORDINATES], const float* values,
                                           float (&x)[OWN]) const {
#pragma unroll
    for (int b = 0; b < OWN; b++) {
      uint32_t even = codes[b] << 2 & 0x3c3c3c3c;  // codes 0, 2, 4 and 6 as offsets into the values, a byte each
      uint32_t odd = codes[b] >> 2 & 0x3c3c3c3c;
      float sum = 0.0f;
#pragma unroll
      for (int j = 0; j < SUBSPACE_DIM; j++) {
        uint32_t offset = __byte_perm(j % 2 == 0 ? even : odd, 0, 0x4440 + j / 2);
        float value = *reinterpret_cast<const float*>(reinterpret_cast<const char*>(values) + offset);
        sum = __fmaf_rn(value, query[b * SUBSPACE_DIM + j], sum);
      }
      x[b] = __fmul_rn(sum, b % 2 == 0 ? bf16_low(weights[b / 2]) : bf16_high(weights[b / 2]));
    }
  }
};

/**
 * Adds up the products of COUNT candidates, a power of two, that LANES lanes share: x[i][0] becomes the estimate of
 * number lane * COUNT / LANES + i. Two lanes that have the same two candidates to add give each other one of them, so
 * that a sum is made once. All 32 lanes must take part.
 */
template <int LANES, int OWN, int COUNT>
__device__ __forceinline__ void add_up(float (&x)[COUNT][OWN], int lane) {
  int left = COUNT;  // of a lane; known to the compiler, as the loops are unrolled
#pragma unroll
  for (int distance = LANES / 2; distance > 0; distance /= 2) {
    bool upper = (lane & distance) != 0;
    bool alone = left == 1;
    left = alone ? 1 : left / 2;
#pragma unroll
    for (int i = 0; i < left; i++) {
#pragma unroll
      for (int b = 0; b < OWN; b++) {
        float kept = alone || !upper ? x[i][b] : x[i + left][b];
        float given = alone || upper ? x[i][b] : x[i + left][b];
        x[i][b] = __fadd_rn(kept, __shfl_xor_sync(FULL_WARP, given, distance));
      }
    }
  }
#pragma unroll
  for (int half = OWN / 2; half > 0; half /= 2) {
#pragma unroll
    for (int i = 0; i < left; i++) {
#pragma unroll
      for (int b = 0; b < half; b++) {
        x[i][b] = __fadd_rn(x[i][b], x[i][b + half]);
      }
    }
  }
}

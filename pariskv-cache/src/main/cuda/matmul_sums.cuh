// matmul_sums.cuh -- where the warps of a block add their sums, for matmul_rows.cuh, in its namespace
//
// Shared memory behind the rings: sums [MERGED][SUMS], squares [WARPS][HALF], factors [HALF]: of half the rows. Sums
// are in the order of registers, 32 lanes of each: no two lanes meet at a bank.

/** What is multiplied by W. */
struct Input {
  const float* x;     // [rows][in]
  const float* norm;  // [in] weights of the norm, or nullptr for none
  float epsilon;
  int rows;
  int in;
};

/** Sums of a pass of half the rows. */
template <int UNITS>
constexpr int SUMS = UNITS * 4 * WARP;

__device__ __forceinline__ float* shared_sums() { return reinterpret_cast<float*>(shared + WARPS * RING); }
__device__ __forceinline__ float* shared_squares() { return shared_sums() + MERGED * BLOCK; }
__device__ __forceinline__ float* factors() { return shared_squares() + WARPS * HALF; }

/** This lane's sums to the place of warp `warp`, together with those there if `merge`. */
template <int UNITS, int HALVES>
__device__ __forceinline__ void store(const float (&sums)[UNITS][HALVES][4], int half, int warp, bool merge) {
  float* to = shared_sums() + warp * SUMS<UNITS> + lane_id();
#pragma unroll
  for (int i = 0; i < UNITS * 4; i++) {
    const float sum = sums[i / 4][half][i % 4];
    to[i * WARP] = merge ? sum + to[i * WARP] : sum;
  }
}

/** Shares the sums of half the rows with all warps, and what the norm divides each row by; `square` is this lane's. */
template <int UNITS, int HALVES>
__device__ __forceinline__ void share(const Input& input, const float (&sums)[UNITS][HALVES][4], float square,
                                      int half) {
  __syncthreads();  // those before were read
  square += __shfl_xor_sync(FULL_WARP, square, 1);
  square += __shfl_xor_sync(FULL_WARP, square, 2);
  if (lane_id() % 4 == 0) {
    shared_squares()[warp_id() * HALF + lane_id() / 4] = square;
  }
  if (warp_id() >= MERGED) {
    store(sums, half, warp_id() - MERGED, false);
  }
  __syncthreads();  // the upper warps' sums are there
  const int row = threadIdx.x - MERGED * WARP;
  if (row < 0) {
    store(sums, half, warp_id(), true);
  } else if (row < HALF) {
    float sum = 0;
    for (int warp = 0; warp < WARPS; warp++) {
      sum += shared_squares()[warp * HALF + row];
    }
    factors()[row] = input.norm == nullptr ? 1 : 1.0f / sqrtf(sum / input.in + input.epsilon);
  }
  __syncthreads();  // all sums are there
}

/** A sum over all warps, of those shared last, without the bias. */
template <int UNITS>
__device__ __forceinline__ float total(int row, int number) {
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < MERGED; warp++) {
    sum += shared_sums()[warp * SUMS<UNITS> + number];
  }
  return sum * factors()[row % HALF];
}

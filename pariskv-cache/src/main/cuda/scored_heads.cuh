// scored_heads.cuh -- what key_scores.cu and page_scores.cu share: the queries, and inner products in the order that
// retrieve.KeyScores fixes. Without a guard: each needs it in its namespace.
//
// Two neighbouring lanes have a row, each eight of the 16 sums: of every 16 coordinates the first lane has the first eight.
// So a load of 16 bytes a lane (bf16) takes whole sectors, and the sums meet in one shuffle each.

constexpr int THREADS = 256;
constexpr int SUMS = 16;
constexpr int OWN = SUMS / 2;           // sums of a lane
constexpr int ROWS = THREADS / 2;       // of a block at a time
constexpr int CHUNK = 8;                // query heads that a row is read for at once

/** Eight numbers from number `i` of a row of `width`, zeros behind its end. */
__device__ __forceinline__ void load(const uint16_t* row, int i, int width, float (&x)[OWN]) {
  if (width % 8 == 0) {  // so every row begins at 16 bytes
    unpack_bf16(load128_once(row + i), x);
    return;
  }
#pragma unroll
  for (int j = 0; j < OWN; j++) {
    x[j] = i + j < width ? bf16_to_float(row[i + j]) : 0;
  }
}

__device__ __forceinline__ void load(const float* row, int i, int width, float (&x)[OWN]) {
  if (width % 8 == 0) {
    uint4 low = load128_once(row + i);
    uint4 high = load128_once(row + i + 4);
    uint32_t bits[OWN] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
    for (int j = 0; j < OWN; j++) {
      x[j] = __uint_as_float(bits[j]);
    }
    return;
  }
#pragma unroll
  for (int j = 0; j < OWN; j++) {
    x[j] = i + j < width ? row[i + j] : 0;
  }
}

/** The width of a query in shared memory: whole sets of sums, zeros behind the head. */
__device__ __forceinline__ int padded(int width) { return ceil_div(width, SUMS) * SUMS; }

/**
 * Brings queries to shared memory, [count][padded]; barriers on both sides are the caller's.
 *
 * @param from [count * added][width]; of `added` neighbours the mean
 */
__device__ __forceinline__ void load_queries(const float* from, int count, int added, int width, float* queries) {
  int stride = padded(width);
  for (int i = threadIdx.x; i < count * stride; i += THREADS) {
    const float* head = from + int64_t(i / stride) * added * width;
    int d = i % stride;
    float x = 0;
    if (d < width) {
      x = head[d];
      for (int other = 1; other < added; other++) {
        x = __fadd_rn(x, head[int64_t(other) * width + d]);
      }
      x = added == 1 ? x : __fdiv_rn(x, float(added));
    }
    queries[i] = x;
  }
}

/** The sum of all 16, of which this lane and its neighbour have eight each; all lanes take part. */
__device__ __forceinline__ float add_by_halving(const float (&own)[OWN]) {
  float x[OWN];
#pragma unroll
  for (int j = 0; j < OWN; j++) {
    x[j] = __fadd_rn(own[j], __shfl_xor_sync(FULL_WARP, own[j], 1));
  }
#pragma unroll
  for (int half = OWN / 2; half > 0; half /= 2) {
#pragma unroll
    for (int j = 0; j < half; j++) {
      x[j] = __fadd_rn(x[j], x[j + half]);
    }
  }
  return x[0];
}

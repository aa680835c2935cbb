// nearest_centroid.cuh -- what codebook_training.cu and key_coding.cu share: the nearest centroids of a block's sub-vectors.
// Without a guard: each needs it in its namespace.
//
// A product of matrices in all but name: a block has 64 keys, a warp eight of them, a lane every 32nd centroid, so that a
// coordinate costs a lane 8 * centroids / 32 subtractions and multiply-adds for 2 loads of 16 bytes of keys, which all
// lanes share, and centroids / 32 of centroids, from L1. Bound by arithmetic from 128 centroids on.
// Each distance is one chain in the order of the coordinates, as the contract wants it.

constexpr int THREADS = 256;
constexpr int WARP_KEYS = 8;
constexpr int TILE = THREADS / WARP * WARP_KEYS;  // keys of a block
constexpr int DIMS = 64;                          // coordinates in shared memory at a time
constexpr int STRIDE = TILE + 4;                  // of a coordinate: rows of keys are stored with few bank conflicts

/** Keys of a block in shared memory, and what is found. */
struct Tile {
  float x[DIMS * STRIDE];
  int codes[TILE];
};

__device__ __forceinline__ float to_float(uint16_t value) { return bf16_to_float(value); }

__device__ __forceinline__ float to_float(float value) { return value; }

/**
 * Finds the codes of `count` sub-vectors. All threads of the block take part; they see tile.codes when it returns.
 *
 * @param row gives the address of a sub-vector, `width` numbers
 * @param book [width][centroids]
 */
template <int ROUNDS, typename Row>
__device__ __forceinline__ void find_nearest(Row row, int count, int width, const float* book, int centroids,
                                             Tile& tile) {
  float distance[ROUNDS][WARP_KEYS] = {};
  for (int from = 0; from < width; from += DIMS) {
    int dims = min(DIMS, width - from);
    __syncthreads();  // what was in the tile is used up
    for (int e = threadIdx.x; e < dims * TILE; e += THREADS) {
      int key = e / dims;
      int i = e % dims;
      tile.x[i * STRIDE + key] = key < count ? to_float(row(key)[from + i]) : 0.0f;
    }
    __syncthreads();  // the tile is complete
#pragma unroll 2
    for (int i = 0; i < dims; i++) {
      const float4* own = reinterpret_cast<const float4*>(tile.x + i * STRIDE + warp_id() * WARP_KEYS);
      float4 low = own[0];
      float4 high = own[1];
      float x[WARP_KEYS] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
      for (int r = 0; r < ROUNDS; r++) {
        int c = r * WARP + lane_id();
        float centroid = c < centroids ? book[(from + i) * centroids + c] : 0.0f;
#pragma unroll
        for (int k = 0; k < WARP_KEYS; k++) {
          float difference = __fsub_rn(x[k], centroid);
          distance[r][k] = __fmaf_rn(difference, difference, distance[r][k]);
        }
      }
    }
  }
#pragma unroll
  for (int k = 0; k < WARP_KEYS; k++) {
    unsigned long long nearest = ~0ull;  // a distance, never negative, above the number of its centroid
#pragma unroll
    for (int r = 0; r < ROUNDS; r++) {
      int c = r * WARP + lane_id();
      float d = distance[r][k] < INFINITY ? distance[r][k] : INFINITY;  // also of NaN
      unsigned long long own = (unsigned long long)(__float_as_uint(d)) << 32 | unsigned(c);
      nearest = c < centroids && own < nearest ? own : nearest;
    }
#pragma unroll
    for (int lanes = WARP / 2; lanes > 0; lanes /= 2) {
      unsigned long long other = __shfl_xor_sync(FULL_WARP, nearest, lanes);
      nearest = other < nearest ? other : nearest;
    }
    if (lane_id() == 0) {
      tile.codes[warp_id() * WARP_KEYS + k] = int(nearest & 0xff);
    }
  }
  __syncthreads();  // all codes are there
}

template <typename Row>
__device__ __forceinline__ void find_nearest(Row row, int count, int width, const float* book, int centroids,
                                             Tile& tile) {
  switch (ceil_div(centroids, WARP)) {
    case 1: find_nearest<1>(row, count, width, book, centroids, tile); break;
    case 2: find_nearest<2>(row, count, width, book, centroids, tile); break;
    case 4: find_nearest<4>(row, count, width, book, centroids, tile); break;
    case 8: find_nearest<8>(row, count, width, book, centroids, tile); break;
  }
}

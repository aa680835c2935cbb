// codebook_training.cu -- index.CodebookTraining: the codebooks of one KV head by k-means, bit for bit.
//
// Three kernels: codebook_begin takes rows that differ, then in turns codebook_assign adds each row to the sums of its
// nearest centroid, and codebook_average divides. Sums are whole numbers in device memory, so the order of the
// additions is free; lanes add neighbouring ones. Outside of steps. Bound by the arithmetic of the distances
// (nearest_centroid.cuh): 2 * n * headDim * centroids operations a round.
#include "pariskv.cuh"

#include "nearest_centroid.cuh"

constexpr int BEGIN_THREADS = 1024;
constexpr int SEED = 4321;         // KeySample.SEED
constexpr int PRECISION = 35;      // bits of the largest number, in whole numbers
constexpr int DOUBLE_BIAS = 1023;  // of the exponent of a double
constexpr int AVERAGED = 32;       // centroids of a block

/** What makes whole numbers of a sub-vector's coordinates: 2^(35 - exponent of the largest). */
__device__ __forceinline__ double scale_of(int largest) {
  return __longlong_as_double((long long)(DOUBLE_BIAS + PRECISION + 127 - (largest >> 23)) << 52);
}

/** Takes rows that differ as centroids of one sub-vector, finds the largest magnitude and clears the sums. */
template <typename T>
__device__ __forceinline__ void begin(const T* rows, int n, int step, int head_dim, int width, int centroids,
                                      float* books, int* largest, unsigned long long* sums, int* counts) {
  __shared__ int scratch[WARP];
  __shared__ int known;
  extern __shared__ float x[];  // [width]
  int j = blockIdx.x;
  const T* from = rows + j * width;
  float* book = books + int64_t(j) * width * centroids;
  int most = 0;  // bits of a magnitude: they are ordered as it is
  for (int e = threadIdx.x; e < n * width; e += BEGIN_THREADS) {
    int bits = int(__float_as_uint(to_float(from[e / width * head_dim + e % width])) & 0x7fffffffu);
    most = bits < 0x7f800000 ? max(most, bits) : most;
  }
  most = block_reduce(most, 0, scratch, Max());
  if (threadIdx.x == 0) {
    largest[j] = most;
  }
  for (int e = threadIdx.x; e < width * centroids; e += BEGIN_THREADS) {
    sums[int64_t(j) * width * centroids + e] = 0;
  }
  for (int c = threadIdx.x; c < centroids; c += BEGIN_THREADS) {
    counts[j * centroids + c] = 0;
  }

  int taken = 0;
  int row = SEED % n;
  for (int tried = 0; tried < n && taken < centroids; tried++) {
    for (int i = threadIdx.x; i < width; i += BEGIN_THREADS) {
      x[i] = to_float(from[int64_t(row) * head_dim + i]);
    }
    if (threadIdx.x == 0) {
      known = 0;
    }
    __syncthreads();  // the row is there, and the centroids before
    if (int(threadIdx.x) < taken) {
      int i = 0;
      while (i < width && book[i * centroids + threadIdx.x] == x[i]) {
        i++;
      }
      if (i == width) {
        known = 1;
      }
    }
    __syncthreads();  // all have compared
    if (known == 0) {
      for (int i = threadIdx.x; i < width; i += BEGIN_THREADS) {
        book[i * centroids + taken] = x[i];
      }
      taken++;
    }
    row = row + step < n ? row + step : row + step - n;
    __syncthreads();  // nobody needs the row or `known` any more
  }
  for (int e = threadIdx.x; e < width * centroids; e += BEGIN_THREADS) {
    if (e % centroids >= taken) {
      book[e] = to_float(from[int64_t(SEED % n) * head_dim + e / centroids]);
    }
  }
}

/** Adds a block's rows to the sums of their nearest centroids. */
template <typename T>
__device__ __forceinline__ void assign(const T* rows, int n, int head_dim, int width, int centroids,
                                       const float* books, const int* largest, unsigned long long* sums,
                                       int* counts) {
  __shared__ __align__(16) Tile tile;
  int j = blockIdx.y;
  int first = int(blockIdx.x) * TILE;
  int count = min(TILE, n - first);
  const T* from = rows + int64_t(first) * head_dim + j * width;
  auto row = [&](int key) { return from + int64_t(key) * head_dim; };
  find_nearest(row, count, width, books + int64_t(j) * width * centroids, centroids, tile);
  double scale = scale_of(largest[j]);
  for (int e = threadIdx.x; e < count * width; e += THREADS) {
    int key = e / width;
    int i = e % width;
    float x = to_float(row(key)[i]);
    long long whole = (__float_as_uint(x) & 0x7fffffffu) < 0x7f800000u ? __double2ll_rn(double(x) * scale) : 0;
    int64_t centroid = int64_t(j) * centroids + tile.codes[key];
    atomicAdd(sums + centroid * width + i, (unsigned long long)whole);
  }
  if (int(threadIdx.x) < count) {
    atomicAdd(counts + j * centroids + tile.codes[threadIdx.x], 1);
  }
}

extern "C" __global__ void __launch_bounds__(1024)  // grid (subvectors), block 1024, dynamic shared memory 4 * width
    codebook_begin_bf16(const uint16_t* rows,  // [n][headDim]
                        int n,
                        int step,  // of the walk over the rows, which begins at row SEED % n
                        int headDim, int width, int centroids,
                        float* books,              // [subvectors][width][centroids]
                        int* largest,              // [subvectors] bits of the largest finite magnitude
                        unsigned long long* sums,  // [subvectors][centroids][width] i64
                        int* counts) {             // [subvectors][centroids]
  begin<uint16_t>(rows, n, step, headDim, width, centroids, books, largest, sums, counts);
}

/** The same for rows of f32. */
extern "C" __global__ void __launch_bounds__(1024)
    codebook_begin_f32(const float* rows, int n, int step, int headDim, int width, int centroids, float* books,
                       int* largest, unsigned long long* sums, int* counts) {
  begin<float>(rows, n, step, headDim, width, centroids, books, largest, sums, counts);
}

extern "C" __global__ void __launch_bounds__(256)  // grid (ceil(n / 64), subvectors), block 256
    codebook_assign_bf16(const uint16_t* rows, int n, int headDim, int width, int centroids, const float* books,
                         const int* largest, unsigned long long* sums, int* counts) {
  assign<uint16_t>(rows, n, headDim, width, centroids, books, largest, sums, counts);
}

/** The same for rows of f32. */
extern "C" __global__ void __launch_bounds__(256)
    codebook_assign_f32(const float* rows, int n, int headDim, int width, int centroids, const float* books,
                        const int* largest, unsigned long long* sums, int* counts) {
  assign<float>(rows, n, headDim, width, centroids, books, largest, sums, counts);
}

/** Centroids that have rows become their means, and sums and counts are zero again. */
extern "C" __global__ void __launch_bounds__(256)  // grid (ceil(centroids / 32), subvectors), block 256
    codebook_average(int width, int centroids, float* books, const int* largest, unsigned long long* sums,
                     int* counts) {
  int j = blockIdx.y;
  int c = int(blockIdx.x) * AVERAGED + lane_id();
  int count = c < centroids ? counts[j * centroids + c] : 0;
  double scale = scale_of(largest[j]);
  __syncthreads();  // all warps have read their counts
  for (int i = warp_id(); i < width && count > 0; i += THREADS / WARP) {
    unsigned long long* sum = sums + (int64_t(j) * centroids + c) * width + i;
    double mean = __ddiv_rn(double((long long)*sum), double(count));
    books[(int64_t(j) * width + i) * centroids + c] = __double2float_rn(__ddiv_rn(mean, scale));
    *sum = 0;
  }
  if (warp_id() == 0 && c < centroids) {
    counts[j * centroids + c] = 0;
  }
}

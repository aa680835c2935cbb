// matmul_tiles_f32.cu -- y = x W^T + b for many rows, f32 or f16 weights, in plain f32
//
// For f32 weights without cuBLASLt, and for f16 weights, beside which x cannot be rounded to f16: it may be larger than
// f16 holds. A block makes 128 rows of 128 outputs, a thread 8 x 8 of them, in two runs of 4 each way so that a warp
// reads shared memory without conflicts. It walks along the inputs 8 at a time; the next 8 are loaded to registers
// while these are multiplied. Bound by f32 operations: 64 for 16 numbers of shared memory. Sums in input order.
// Any size and alignment. grid (ceil(rows / 128), ceil(out / 128)), block 256, static shared memory only.
#include "pariskv.cuh"

constexpr int TILE = 128;          // rows, and outputs, of a block
constexpr int DEPTH = 8;           // inputs of a step
constexpr int PITCH = TILE + 4;    // so that 8 inputs of 4 rows are written to 32 banks
constexpr int BLOCK = 256;
constexpr int SHARE = TILE * DEPTH / BLOCK;  // numbers of a tile that a thread loads

__device__ __forceinline__ float widen(float value) { return value; }
__device__ __forceinline__ float widen(__half value) { return __half2float(value); }

/** This thread's share of rows `first` on, inputs `depth` on, of a matrix [rows][in]; zeros outside. */
template <typename T>
__device__ __forceinline__ void load(const T* matrix, int first, int rows, int depth, int in, float (&share)[SHARE]) {
#pragma unroll
  for (int i = 0; i < SHARE; i++) {
    const int row = first + (threadIdx.x + i * BLOCK) / DEPTH;
    const int column = depth + threadIdx.x % DEPTH;
    share[i] = row < rows && column < in ? widen(matrix[int64_t(row) * in + column]) : 0;
  }
}

/** Puts a share into a tile, transposed. */
__device__ __forceinline__ void put(float (&tile)[DEPTH][PITCH], const float (&share)[SHARE]) {
#pragma unroll
  for (int i = 0; i < SHARE; i++) {
    tile[threadIdx.x % DEPTH][(threadIdx.x + i * BLOCK) / DEPTH] = share[i];
  }
}

/** Numbers 4 * at on, and 64 further on, of one input of a tile. */
__device__ __forceinline__ void take(const float (&row)[PITCH], int at, float (&out)[8]) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const float4 four = *reinterpret_cast<const float4*>(&row[half * TILE / 2 + 4 * at]);
    out[4 * half] = four.x;
    out[4 * half + 1] = four.y;
    out[4 * half + 2] = four.z;
    out[4 * half + 3] = four.w;
  }
}

template <typename T>
__device__ __forceinline__ void multiply(const float* x, const T* weight, const float* bias, float* y, int rows, int in,
                                         int out, int accumulate) {
  __shared__ __align__(16) float x_tile[DEPTH][PITCH];
  __shared__ __align__(16) float w_tile[DEPTH][PITCH];
  const int first_row = blockIdx.x * TILE;
  const int first_output = blockIdx.y * TILE;
  const int across = threadIdx.x % 16;
  const int down = threadIdx.x / 16;
  float sums[8][8] = {};
  float x_share[SHARE];
  float w_share[SHARE];
  load(x, first_row, rows, 0, in, x_share);
  load(weight, first_output, out, 0, in, w_share);
  for (int depth = 0; depth < in; depth += DEPTH) {
    put(x_tile, x_share);
    put(w_tile, w_share);
    __syncthreads();  // the tiles are complete
    if (depth + DEPTH < in) {
      load(x, first_row, rows, depth + DEPTH, in, x_share);
      load(weight, first_output, out, depth + DEPTH, in, w_share);
    }
#pragma unroll
    for (int i = 0; i < DEPTH; i++) {
      float a[8];
      float b[8];
      take(x_tile[i], down, a);
      take(w_tile[i], across, b);
#pragma unroll
      for (int r = 0; r < 8; r++) {
#pragma unroll
        for (int o = 0; o < 8; o++) {
          sums[r][o] = fmaf(a[r], b[o], sums[r][o]);
        }
      }
    }
    __syncthreads();  // and read: they may be filled again
  }
#pragma unroll
  for (int r = 0; r < 8; r++) {
#pragma unroll
    for (int o = 0; o < 8; o++) {
      const int row = first_row + r / 4 * (TILE / 2) + 4 * down + r % 4;
      const int output = first_output + o / 4 * (TILE / 2) + 4 * across + o % 4;
      if (row < rows && output < out) {
        float& sum = y[int64_t(row) * out + output];
        sum = sums[r][o] + (bias == nullptr ? 0 : bias[output]) + (accumulate ? sum : 0);
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(256) matmul_tiles_f32(const float* x,       // [rows][in]
                                                                   const float* weight,  // [out][in]
                                                                   const float* bias,    // [out], or nullptr
                                                                   float* y,             // [rows][out]
                                                                   int rows, int in, int out,
                                                                   int accumulate) {  // 1 to add to y, 0 to write it
  multiply(x, weight, bias, y, rows, in, out, accumulate);
}

extern "C" __global__ void __launch_bounds__(256) matmul_tiles_f16(const float* x,        // [rows][in]
                                                                   const __half* weight,  // [out][in]
                                                                   const float* bias,     // [out], or nullptr
                                                                   float* y,              // [rows][out]
                                                                   int rows, int in, int out,
                                                                   int accumulate) {  // 1 to add to y, 0 to write it
  multiply(x, weight, bias, y, rows, in, out, accumulate);
}

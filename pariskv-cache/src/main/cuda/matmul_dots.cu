// matmul_dots.cu -- y = x W^T + b for few rows of x, weights of any type, at any size and alignment
//
// For f32 and f16 weights, which the tensor cores would round or overflow, and for bf16 weights whose rows are not
// aligned. A warp makes 2 outputs of up to 4 rows in plain f32: lanes step along the inputs, 8 at a time where the rows
// allow 16-byte loads, else 1. Bound by reading W up to 4 rows; with more, blocks of the same outputs and other rows
// are neighbours, so that W comes from memory once and from L2 for the others.
// grid ceil(out / 16) * ceil(rows / 4), block 256, no shared memory.
#include "pariskv.cuh"

constexpr int OUTPUTS = 2;
constexpr int ROWS = 4;

__device__ __forceinline__ float widen(float value) { return value; }
__device__ __forceinline__ float widen(__half value) { return __half2float(value); }
__device__ __forceinline__ float widen(__nv_bfloat16 value) { return __bfloat162float(value); }

template <typename T>
__device__ __forceinline__ void load(const T* from, float (&values)[1]) {
  values[0] = widen(*from);
}

__device__ __forceinline__ void load(const float* from, float (&values)[8]) {
#pragma unroll
  for (int i = 0; i < 8; i += 4) {
    const float4 four = *reinterpret_cast<const float4*>(from + i);  // may be x: not through the read-only path
    values[i] = four.x;
    values[i + 1] = four.y;
    values[i + 2] = four.z;
    values[i + 3] = four.w;
  }
}

__device__ __forceinline__ void load(const __nv_bfloat16* from, float (&values)[8]) {
  unpack_bf16(load128(from), values);
}

__device__ __forceinline__ void load(const __half* from, float (&values)[8]) {
  const uint4 packed = load128(from);
  const __half2* pairs = reinterpret_cast<const __half2*>(&packed);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const float2 pair = __half22float2(pairs[i]);
    values[2 * i] = pair.x;
    values[2 * i + 1] = pair.y;
  }
}

/** Adds this lane's share, STEP inputs at a time. */
template <int STEP, typename T>
__device__ __forceinline__ void add_dots(const float* x, const T* const (&weights)[OUTPUTS], int rows, int in,
                                         float (&sums)[ROWS][OUTPUTS]) {
#pragma unroll 4
  for (int i = lane_id() * STEP; i < in; i += WARP * STEP) {
    float w[OUTPUTS][STEP];
#pragma unroll
    for (int output = 0; output < OUTPUTS; output++) {
      load(weights[output] + i, w[output]);
    }
#pragma unroll
    for (int row = 0; row < ROWS; row++) {
      if (row < rows) {
        float values[STEP];
        load(x + int64_t(row) * in + i, values);
#pragma unroll
        for (int output = 0; output < OUTPUTS; output++) {
#pragma unroll
          for (int j = 0; j < STEP; j++) {
            sums[row][output] = fmaf(values[j], w[output][j], sums[row][output]);
          }
        }
      }
    }
  }
}

template <typename T>
__device__ __forceinline__ void multiply(const float* x, const T* weight, const float* bias, float* y, int rows, int in,
                                         int out, int accumulate, int wide) {
  const int groups = ceil_div(rows, ROWS);
  const int first_row = blockIdx.x % groups * ROWS;
  const int64_t first = (int64_t(blockIdx.x / groups) * warp_count() + warp_id()) * OUTPUTS;
  await_previous();
  release_next();
  if (first >= out) {
    return;
  }
  const int count = min(ROWS, rows - first_row);
  x += int64_t(first_row) * in;
  const T* weights[OUTPUTS];
#pragma unroll
  for (int output = 0; output < OUTPUTS; output++) {  // beyond the last, that one again; it is not written
    weights[output] = weight + min(first + output, int64_t(out) - 1) * in;
  }
  float sums[ROWS][OUTPUTS] = {};
  if (wide) {
    add_dots<8>(x, weights, count, in, sums);
  } else {
    add_dots<1>(x, weights, count, in, sums);
  }
#pragma unroll
  for (int row = 0; row < ROWS; row++) {
#pragma unroll
    for (int output = 0; output < OUTPUTS; output++) {
      const float sum = warp_sum(sums[row][output]);
      if (lane_id() == 0 && row < count && first + output < out) {
        float& to = y[int64_t(first_row + row) * out + first + output];
        to = sum + (bias == nullptr ? 0 : bias[first + output]) + (accumulate ? to : 0);
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(256)
    matmul_dots_f32(const float* x,       // [rows][in]
                    const float* weight,  // [out][in]
                    const float* bias,    // [out], or nullptr
                    float* y,             // [rows][out]
                    int rows, int in, int out,
                    int accumulate,  // 1 to add to y, 0 to write it
                    int wide) {  // 1 if rows of x and of W are 16-byte aligned, and `in` a multiple of 8
  multiply(x, weight, bias, y, rows, in, out, accumulate, wide);
}

extern "C" __global__ void __launch_bounds__(256)
    matmul_dots_f16(const float* x,        // [rows][in]
                    const __half* weight,  // [out][in]
                    const float* bias,     // [out], or nullptr
                    float* y,              // [rows][out]
                    int rows, int in, int out,
                    int accumulate,  // 1 to add to y, 0 to write it
                    int wide) {  // 1 if rows of x and of W are 16-byte aligned, and `in` a multiple of 8
  multiply(x, weight, bias, y, rows, in, out, accumulate, wide);
}

extern "C" __global__ void __launch_bounds__(256)
    matmul_dots_bf16(const float* x,               // [rows][in]
                     const __nv_bfloat16* weight,  // [out][in]
                     const float* bias,            // [out], or nullptr
                     float* y,                     // [rows][out]
                     int rows, int in, int out,
                     int accumulate,  // 1 to add to y, 0 to write it
                     int wide) {  // 1 if rows of x and of W are 16-byte aligned, and `in` a multiple of 8
  multiply(x, weight, bias, y, rows, in, out, accumulate, wide);
}

// rms_norm.cu -- layer.RmsNorm: y = x / sqrt(mean(x^2) + epsilon) * weight, a row at a time
//
// Narrow rows (QK-norm: many heads of 16 to 256) take a warp each, wide ones (a hidden state) a block each. Both load
// the row and the weights before they reduce and keep HELD units of a thread in registers, so that a row is read once:
// narrow rows of up to 512 numbers, wide ones of up to 16 a thread; what is beyond is read again. A unit is four
// numbers, or one where width or addresses forbid 16-byte loads. Which kernel runs depends on the width alone, and
// the order of additions too, so a row's result does not depend on its batch. Bound by memory, 8 bytes a number; a
// decode step's single row by latency.
// The weights are loaded while the kernel before ends.
// rms_norm_narrow: grid ceil(rows / 8), block 256. rms_norm_wide: grid rows, block any multiple of 32.
#include "pariskv.cuh"

constexpr int HELD = 4;

__device__ __forceinline__ float squares(float a) { return a * a; }
__device__ __forceinline__ float squares(float4 a) { return a.x * a.x + a.y * a.y + (a.z * a.z + a.w * a.w); }

__device__ __forceinline__ float scaled(float a, float factor, float weight) { return a * factor * weight; }
__device__ __forceinline__ float4 scaled(float4 a, float factor, float4 weight) {
  return make_float4(scaled(a.x, factor, weight.x), scaled(a.y, factor, weight.y), scaled(a.z, factor, weight.z),
                     scaled(a.w, factor, weight.w));
}

/**
 * One row, by `threads` threads of which this is number `thread`.
 *
 * @param total adds a float of every one of the threads and gives all of them the sum
 */
template <typename Unit, typename Total>
__device__ __forceinline__ void normalize(const float* x, const float* weight, float* y, float epsilon, int width,
                                          int thread, int threads, Total total) {
  const Unit* in = reinterpret_cast<const Unit*>(x);  // may be `y`: not through the read-only path
  const Unit* weights = reinterpret_cast<const Unit*>(weight);
  Unit* out = reinterpret_cast<Unit*>(y);
  int units = width / int(sizeof(Unit) / sizeof(float));
  Unit held[HELD];
  Unit scale[HELD];
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    int i = thread + k * threads;
    if (i < units) {
      scale[k] = __ldg(weights + i);
    }
  }
  await_previous();
  release_next();
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    int i = thread + k * threads;
    if (i < units) {
      held[k] = in[i];
    }
  }
  float sum = 0;
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    if (thread + k * threads < units) {
      sum += squares(held[k]);
    }
  }
  for (int i = thread + HELD * threads; i < units; i += threads) {
    sum += squares(in[i]);
  }
  float factor = 1.0f / sqrtf(total(sum) / width + epsilon);
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    int i = thread + k * threads;
    if (i < units) {
      out[i] = scaled(held[k], factor, scale[k]);
    }
  }
  for (int i = thread + HELD * threads; i < units; i += threads) {
    out[i] = scaled(in[i], factor, __ldg(weights + i));
  }
}

/** The same with the widest unit that fits. */
template <typename Total>
__device__ __forceinline__ void normalize_row(const float* x, const float* weight, float* y, float epsilon, int width,
                                              int thread, int threads, Total total) {
  if (width % 4 == 0 && aligned128(x) && aligned128(weight) && aligned128(y)) {
    normalize<float4>(x, weight, y, epsilon, width, thread, threads, total);
  } else {
    normalize<float>(x, weight, y, epsilon, width, thread, threads, total);
  }
}

extern "C" __global__ void rms_norm_narrow(const float* x,       // [rows][width]
                                           const float* weight,  // [width]
                                           float* y,             // [rows][width], may be x
                                           float epsilon, int rows, int width) {
  int64_t row = global_x() / WARP;
  if (row >= rows) {  // whole warps of the last block
    await_previous();
    return;
  }
  normalize_row(x + row * width, weight, y + row * width, epsilon, width, lane_id(), WARP,
                [](float part) { return warp_sum(part); });
}

extern "C" __global__ void __launch_bounds__(1024) rms_norm_wide(const float* x,       // [rows][width]
                                                                 const float* weight,  // [width]
                                                                 float* y,             // [rows][width], may be x
                                                                 float epsilon, int width) {
  __shared__ float scratch[WARP];
  int64_t row = blockIdx.x;
  normalize_row(x + row * width, weight, y + row * width, epsilon, width, threadIdx.x, blockDim.x,
                [](float part) { return block_sum(part, scratch); });
}

// matmul_tiles.cu -- y = x W^T + b for many rows and bf16 weights, on tensor cores: prefill without cuBLASLt
//
// x comes rounded to bf16 by matmul_round_inputs. A block makes 128 rows of 128 outputs, its 8 warps 64 x 32 each. It
// walks along the inputs in stages of 32: 128 rows of x and of W, 64 bytes each, copied to shared memory asynchronously
// two stages ahead of the products. A lane reads its 16 bytes of a row as they are (see mma_bf16_32), 8 lanes 128 bytes
// in sequence, so shared memory needs neither padding nor swizzling. Products are exact, sums in f32, in input order.
// Bound by operations: 2 * 128 * 128 * 32 for 16 KiB fetched. Blocks of the same outputs are neighbours: W stays in L2.
// Any size; W is copied 16 bytes at a time where its rows allow it, else by single numbers.
// grid (ceil(rows / 128), ceil(out / 128)), block 256, static shared memory only.
#include "pariskv.cuh"

constexpr int TILE = 128;     // rows, and outputs, of a block
constexpr int DEPTH = 32;     // inputs of a stage
constexpr int PIECES = 4;     // of 8 inputs, of a row of a stage
constexpr int STAGES = 3;
constexpr int WARP_ROWS = 64;
constexpr int WARP_OUTPUTS = 32;
constexpr int BLOCK = 256;

/** 16 KiB. */
struct Stage {
  uint4 x[TILE][PIECES];
  uint4 w[TILE][PIECES];
};

/** What a block multiplies; see the parameters of the kernel. */
struct Operands {
  const uint16_t* x;
  const uint16_t* weight;
  int rows;
  int in;
  int out;
  int stride;
  int wide;
};

/** Begins to copy 16 bytes, of which the last are zeros where `bytes` is less. */
__device__ __forceinline__ void copy_async(uint4* to, const uint16_t* from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(uint32_t(__cvta_generic_to_shared(to))), "l"(from), "r"(bytes)
               : "memory");
}

/** Ends a group of copies; it may be empty. */
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" : : : "memory"); }

/** Waits for this thread's copies but for the youngest PENDING groups. */
template <int PENDING>
__device__ __forceinline__ void await_copies() {
  asm volatile("cp.async.wait_group %0;" : : "n"(PENDING) : "memory");
}

/** Eight neighbouring bf16 at any address, zeros from `count` on. */
__device__ __forceinline__ uint4 gather(const uint16_t* from, int count) {
  uint32_t bits[8];
#pragma unroll
  for (int i = 0; i < 8; i++) {
    bits[i] = i < count ? from[i] : 0;
  }
  return make_uint4(bits[0] | bits[1] << 16, bits[2] | bits[3] << 16, bits[4] | bits[5] << 16, bits[6] | bits[7] << 16);
}

/** Begins to fetch the inputs from `depth` on. Rows beyond the last are that one again: their results are dropped. */
__device__ __forceinline__ void fetch(Stage& stage, const Operands& of, int first_row, int first_output, int depth) {
  for (int i = threadIdx.x; i < TILE * PIECES; i += BLOCK) {
    const int row = i / PIECES;
    const int piece = i % PIECES;
    const int column = depth + 8 * piece;
    copy_async(&stage.x[row][piece], of.x + int64_t(min(first_row + row, of.rows - 1)) * of.stride + column, 16);

    const int count = max(0, min(8, of.in - column));  // beyond the last input zeros, as in x
    const uint16_t* from = of.weight + int64_t(min(first_output + row, of.out - 1)) * of.in + (count > 0 ? column : 0);
    if (of.wide) {
      copy_async(&stage.w[row][piece], from, 2 * count);
    } else {
      stage.w[row][piece] = gather(from, count);
    }
  }
}

/** Adds the products of one stage for this warp's rows and outputs. */
__device__ __forceinline__ void multiply(const Stage& stage, int row, int output, float (&sums)[4][4][4]) {
  const int quad = lane_id() / 4;
  const int piece = lane_id() % 4;
  uint4 upper[4];
  uint4 lower[4];
#pragma unroll
  for (int m = 0; m < 4; m++) {
    upper[m] = stage.x[row + 16 * m + quad][piece];
    lower[m] = stage.x[row + 16 * m + 8 + quad][piece];
  }
#pragma unroll
  for (int n = 0; n < 4; n++) {
    const uint4 w = stage.w[output + 8 * n + quad][piece];
#pragma unroll
    for (int m = 0; m < 4; m++) {
      mma_bf16_32(sums[m][n], upper[m], lower[m], w);
    }
  }
}

extern "C" __global__ void __launch_bounds__(256)
    matmul_tiles(const uint16_t* x,       // [rows][stride] bf16, 16-byte aligned, zeros from `in` on
                 const uint16_t* weight,  // [out][in] bf16
                 const float* bias,       // [out], or nullptr
                 float* y,                // [rows][out]
                 int rows, int in, int out,
                 int accumulate,  // 1 to add to y, 0 to write it
                 int stride,  // `in` rounded up to a multiple of 32
                 int wide) {  // 1 if rows of W are 16-byte aligned
  __shared__ Stage stages[STAGES];
  const Operands operands = {x, weight, rows, in, out, stride, wide};
  const int first_row = blockIdx.x * TILE;
  const int first_output = blockIdx.y * TILE;
  const int warp_row = warp_id() / 4 * WARP_ROWS;
  const int warp_output = warp_id() % 4 * WARP_OUTPUTS;
  const int steps = stride / DEPTH;
  float sums[4][4][4] = {};

  for (int step = 0; step < STAGES - 1; step++) {
    if (step < steps) {
      fetch(stages[step], operands, first_row, first_output, step * DEPTH);
    }
    commit_copies();
  }
  for (int step = 0; step < steps; step++) {
    await_copies<STAGES - 2>();  // this step's stage is here, as far as this thread copied it
    __syncthreads();             // and all of it; and every warp is done with the stage before, which is filled next
    const int ahead = step + STAGES - 1;
    if (ahead < steps) {
      fetch(stages[ahead % STAGES], operands, first_row, first_output, ahead * DEPTH);
    }
    commit_copies();
    multiply(stages[step % STAGES], warp_row, warp_output, sums);
  }

#pragma unroll
  for (int m = 0; m < 4; m++) {
#pragma unroll
    for (int n = 0; n < 4; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int row = first_row + warp_row + 16 * m + i / 2 * 8 + lane_id() / 4;
        const int output = first_output + warp_output + 8 * n + lane_id() % 4 * 2 + i % 2;
        if (row < rows && output < out) {
          float& sum = y[int64_t(row) * out + output];
          sum = sums[m][n][i] + (bias == nullptr ? 0 : bias[output]) + (accumulate ? sum : 0);
        }
      }
    }
  }
}

// x in bf16, to the nearest, 2^-8 of a number off at most, and rows filled up with zeros. A thread makes 8 numbers.
// grid (rows, ceil(stride / 2048)), block 256.
extern "C" __global__ void matmul_round_inputs(const float* x,     // [rows][in]
                                               uint16_t* rounded,  // out, [rows][stride] bf16, 16-byte aligned
                                               int in,
                                               int stride,  // a multiple of 8, at least `in`
                                               int wide) {  // 1 if rows of x are 16-byte aligned
  const int column = (blockIdx.y * blockDim.x + threadIdx.x) * 8;
  if (column >= stride) {
    return;
  }
  const float* from = x + int64_t(blockIdx.x) * in + column;
  float values[8];
  if (wide && column + 8 <= in) {
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
      const float4 four = *reinterpret_cast<const float4*>(from + i);
      values[i] = four.x;
      values[i + 1] = four.y;
      values[i + 2] = four.z;
      values[i + 3] = four.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++) {
      values[i] = column + i < in ? from[i] : 0;
    }
  }
  store128(rounded + int64_t(blockIdx.x) * stride + column, pack_bf16(values));
}

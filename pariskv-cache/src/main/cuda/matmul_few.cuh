// matmul_few.cuh -- how matmul_few.cu works: dot products of 1 or 2 rows of x with rows of bf16 weights
//
// Bound by reading W once, so nothing may be in its way: weights go from memory to registers, 16 bytes a lane, and are
// multiplied in plain f32. Eight weights take eight operations to widen and eight more a row; an SM of an H100 can
// issue 18 a weight in the time that one takes to arrive. Measured there, all linear layers of Llama 3.1 8B: 5.29 ms
// for 1 row, 93% of the floor; but 5.96 for 2 and 7.1 for 4 with a kernel for 4. For more rows: matmul_rows.cu.
//
// A warp has four rows of W and one of `parts` shares of the inputs: so it reads x, from L1, once for four rows. Two
// steps of 256 inputs are in flight, 4 KiB a warp, 128 KiB an SM. Blocks are small and many, and the first two steps
// are asked for before await_previous(), so that the blocks of the next kernel fill the end of this one.
//
// A norm is no pass of its own: W (x * weight) is multiplied while squares are summed, and scaled at the end.

constexpr int WARPS = 8;
constexpr int BLOCK = WARPS * WARP;
constexpr int UNIT = 4;   // rows of W of a warp
constexpr int STEP = 256; // inputs of a warp's step

#include "matmul_layers.cuh"

/** Sums of four rows of W by the lanes of a warp; lane 8j has row j's. */
__device__ __forceinline__ float warp_sums(float (&sums)[UNIT]) {
  bool upper = (lane_id() & 16) != 0;
  float a = (upper ? sums[2] : sums[0]) + __shfl_xor_sync(FULL_WARP, upper ? sums[0] : sums[2], 16);
  float b = (upper ? sums[3] : sums[1]) + __shfl_xor_sync(FULL_WARP, upper ? sums[1] : sums[3], 16);
  bool odd = (lane_id() & 8) != 0;
  float sum = (odd ? b : a) + __shfl_xor_sync(FULL_WARP, odd ? a : b, 8);
  sum += __shfl_xor_sync(FULL_WARP, sum, 4);
  sum += __shfl_xor_sync(FULL_WARP, sum, 2);
  return sum + __shfl_xor_sync(FULL_WARP, sum, 1);
}

/** The products of a warp. */
template <int ROWS>
struct Dots {
  const uint16_t* weights[UNIT];  // its rows of W, at this lane's first input
  uint4 ahead[2][UNIT];           // of the next two steps
  float sums[ROWS][UNIT] = {};
  float squares[ROWS] = {};

  __device__ __forceinline__ void load(uint4 (&to)[UNIT], int from, int in) const {
#pragma unroll
    for (int j = 0; j < UNIT; j++) {
      to[j] = from + lane_id() * 8 < in ? load128_once(weights[j] + from) : make_uint4(0, 0, 0, 0);
    }
  }

  /** Multiplies the step of inputs from `from` on. */
  __device__ __forceinline__ void add(const uint4 (&w)[UNIT], const Input& input, int from) {
    int column = from + lane_id() * 8;
    if (column >= input.in) {
      return;
    }
    float scale[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    if (input.norm != nullptr) {
      load(input.norm + column, scale);
    }
#pragma unroll
    for (int row = 0; row < ROWS; row++) {
      if (row < input.rows) {
        float x[8];
        load(input.x + int64_t(row) * input.in + column, x);
#pragma unroll
        for (int i = 0; i < 8; i++) {
          squares[row] += x[i] * x[i];
          x[i] *= scale[i];
        }
#pragma unroll
        for (int j = 0; j < UNIT; j++) {
          sums[row][j] += bf16_low(w[j].x) * x[0];
          sums[row][j] += bf16_high(w[j].x) * x[1];
          sums[row][j] += bf16_low(w[j].y) * x[2];
          sums[row][j] += bf16_high(w[j].y) * x[3];
          sums[row][j] += bf16_low(w[j].z) * x[4];
          sums[row][j] += bf16_high(w[j].z) * x[5];
          sums[row][j] += bf16_low(w[j].w) * x[6];
          sums[row][j] += bf16_high(w[j].w) * x[7];
        }
      }
    }
  }

  static __device__ __forceinline__ void load(const float* at, float (&to)[8]) {
    float4 low = *reinterpret_cast<const float4*>(at);
    float4 high = *reinterpret_cast<const float4*>(at + 4);
    to[0] = low.x, to[1] = low.y, to[2] = low.z, to[3] = low.w;
    to[4] = high.x, to[5] = high.y, to[6] = high.z, to[7] = high.w;
  }
};

/**
 * The outputs of a block, WARPS / parts units of four rows of W. `layers` says where the rows of a unit are and writes
 * what its rows give.
 */
template <int ROWS, typename Layers>
__device__ __forceinline__ void multiply(const Input& input, const Layers& layers, int parts) {
  __shared__ float sums[WARPS][ROWS][UNIT];
  __shared__ float squares[WARPS][ROWS];
  int groups = WARPS / parts;
  int part = warp_id() % parts;
  int unit = min(int(blockIdx.x) * groups + warp_id() / parts, layers.units() - 1);  // beyond the last, that one again
  Dots<ROWS> dots;
#pragma unroll
  for (int j = 0; j < UNIT; j++) {
    dots.weights[j] = layers.row(unit, j, input.in) + lane_id() * 8;
  }
  int step = parts * STEP;
  int from = part * STEP;
  dots.load(dots.ahead[0], from, input.in);
  dots.load(dots.ahead[1], from + step, input.in);
  await_previous();
  release_next();
  for (; from < input.in; from += 2 * step) {
    dots.add(dots.ahead[0], input, from);
    dots.load(dots.ahead[0], from + 2 * step, input.in);
    dots.add(dots.ahead[1], input, from + step);
    dots.load(dots.ahead[1], from + 3 * step, input.in);
  }
#pragma unroll
  for (int row = 0; row < ROWS; row++) {
    float sum = warp_sums(dots.sums[row]);
    float square = warp_sum(dots.squares[row]);
    if (lane_id() % 8 == 0) {
      sums[warp_id()][row][lane_id() / 8] = sum;
    }
    if (lane_id() == 0) {
      squares[warp_id()][row] = square;
    }
  }
  __syncthreads();  // every warp's sums are there
  int place = threadIdx.x % UNIT;
  int row = threadIdx.x / UNIT % ROWS;
  int group = threadIdx.x / (UNIT * ROWS);
  unit = int(blockIdx.x) * groups + group;
  float total = 0;
  float square = 0;
  if (group < groups) {
    for (int p = 0; p < parts; p++) {
      total += sums[group * parts + p][row][place];
      square += squares[p][row];
    }
  }
  total *= input.factor(square);
  float other = __shfl_xor_sync(FULL_WARP, total, 2);  // of the row of W two places from this one
  if (group < groups && unit < layers.units() && row < input.rows) {
    layers.write(unit, place, row, total, other);
  }
}

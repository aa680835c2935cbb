// matmul_rows.cuh -- how matmul_rows.cu works: 32 rows of bf16 weights by 3 to 16 rows of x on tensor cores
//
// Bound by reading W once. x is cut into three bf16 whose sum it is exactly (24 bits in three times 8): so products are
// exact and sums in f32, as the contract says; only an infinite x gives NaN. W is the left operand, 16 rows, and x the
// right one, 8 rows: 6 mma of 16 x 8 x 16 multiply 32 inputs, for 3 rows as for 8.
//
// A block has one unit of 32 rows of W, so that what it reads of x from L2, 4 bytes a row and input, is half of what it
// reads of W with 8 rows. Its warps share out the inputs, each takes steps of 64 and has the weights of one in flight,
// 4 KiB a warp, straight to registers, the first asked for before await_previous(). At the end the warps' sums meet in
// shared memory and are added in the order of the warps.
//
// What counts is that W is read in long pieces: a step is a line of 128 bytes of each row, all warps' steps 2 KiB of it,
// and L2 is told to fetch 256 bytes at a time. On an H100 all linear layers of Llama 3.1 8B took 6.13 ms for 8 rows with
// steps of 64 bytes, 5.84 with the hint, 5.72 with both; blocks of 8 warps, two or three a multiprocessor, 6.1 to 7.2.
// With 16 rows sums of the three parts meet in one register, which frees 32 of them: 6.64 ms instead of 7.06.
//
// A norm is no pass of its own: W (x * weight) is multiplied while squares are summed, and scaled at the end.

constexpr int WARPS = 16;
constexpr int BLOCK = WARPS * WARP;
constexpr int UNIT = 32;  // rows of W of a block
constexpr int ROWS = 16;  // of them in a product
constexpr int HALF = 8;   // rows of x of a product
constexpr int STEP = 32;  // inputs of a product; a warp has two beside each other

#include "matmul_layers.cuh"
#include "matmul_parts.cuh"

/** Weights of a step: eight inputs of rows lane / 4, lane / 4 + 8, and so on. */
struct Weights {
  uint4 row[UNIT / 8];
};

template <int HALVES>
struct Product {
  static constexpr int CHAINS = HALVES == 1 ? PARTS : 1;  // of sums, added in the end: few would wait for each other
  const uint16_t* weights[UNIT / 8];  // this lane's rows of W, at its first input
  float sums[UNIT / ROWS][HALVES][CHAINS][4] = {};
  float squares[HALVES] = {};

  __device__ __forceinline__ void load(Weights& w, int from, int in) const {
#pragma unroll
    for (int i = 0; i < UNIT / 8; i++) {
      w.row[i] = from + lane_id() % 4 * 8 < in ? load128_stream(weights[i] + from) : make_uint4(0, 0, 0, 0);
    }
  }

  /** Multiplies the step of inputs from `from` on, the same for all lanes. */
  __device__ __forceinline__ void add(const Weights& w, const Input& input, int from) {
    if (from >= input.in) {
      return;
    }
    int column = from + lane_id() % 4 * 8;
    bool inside = column < input.in;
    float4 x[HALVES][2];
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
      int row = min(half * HALF + lane_id() / 4, input.rows - 1);  // beyond the last row that one again, not written
      const float4* at = reinterpret_cast<const float4*>(input.x + int64_t(row) * input.in + column);
      x[half][0] = inside ? at[0] : make_float4(0, 0, 0, 0);
      x[half][1] = inside ? at[1] : make_float4(0, 0, 0, 0);
    }
    if (input.norm != nullptr && inside) {
      const float4* at = reinterpret_cast<const float4*>(input.norm + column);
      float4 low = __ldg(at);
      float4 high = __ldg(at + 1);
#pragma unroll
      for (int half = 0; half < HALVES; half++) {
        squares[half] += squares_of(x[half][0]) + squares_of(x[half][1]);
        x[half][0] = scaled(x[half][0], low);
        x[half][1] = scaled(x[half][1], high);
      }
    }
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
      uint4 parts[PARTS];
      cut(x[half][0], x[half][1], parts);
#pragma unroll
      for (int part = 0; part < PARTS; part++) {
#pragma unroll
        for (int i = 0; i < UNIT / ROWS; i++) {
          mma_bf16_32(sums[i][half][part % CHAINS], w.row[2 * i], w.row[2 * i + 1], parts[part]);
        }
      }
    }
  }
};

/** The outputs of a block. `layers` says where the rows of a unit are and takes what they give. */
template <int HALVES, typename Layers>
__device__ __forceinline__ void multiply(const Input& input, const Layers& layers) {
  __shared__ float sums[WARPS][HALVES * HALF][UNIT];
  __shared__ float squares[WARPS][HALVES * HALF];
  int unit = blockIdx.x;
  Product<HALVES> product;
#pragma unroll
  for (int i = 0; i < UNIT / 8; i++) {
    product.weights[i] = layers.row(unit, lane_id() / 4 + 8 * i, input.in) + lane_id() % 4 * 8;
  }
  constexpr int TURN = 2 * WARPS * STEP;
  int from = 2 * STEP * warp_id();
  Weights first;
  Weights second;
  product.load(first, from, input.in);
  product.load(second, from + STEP, input.in);
  await_previous();
  release_next();
  for (; from < input.in; from += TURN) {
    product.add(first, input, from);
    product.load(first, from + TURN, input.in);
    product.add(second, input, from + STEP);
    product.load(second, from + TURN + STEP, input.in);
  }
#pragma unroll
  for (int half = 0; half < HALVES; half++) {
#pragma unroll
    for (int i = 0; i < UNIT / 4; i++) {  // rows of W are rows of the result, rows of x its columns
      float sum = 0;
#pragma unroll
      for (int chain = 0; chain < Product<HALVES>::CHAINS; chain++) {
        sum += product.sums[i / 4][half][chain][i % 4];
      }
      sums[warp_id()][half * HALF + lane_id() % 4 * 2 + i % 2][lane_id() / 4 + i / 2 * 8] = sum;
    }
    float square = product.squares[half];
    square += __shfl_xor_sync(FULL_WARP, square, 1);
    square += __shfl_xor_sync(FULL_WARP, square, 2);
    if (lane_id() % 4 == 0) {
      squares[warp_id()][half * HALF + lane_id() / 4] = square;
    }
  }
  __syncthreads();  // every warp's sums are there
  int place = threadIdx.x % UNIT;
  int row = threadIdx.x / UNIT;
  float total = 0;
  float square = 0;
  if (row < input.rows) {
    for (int warp = 0; warp < WARPS; warp++) {
      total += sums[warp][row][place];
      square += squares[warp][row];
    }
  }
  total *= input.factor(square);
  float other = __shfl_xor_sync(FULL_WARP, total, UNIT / 2);
  if (row < input.rows) {
    layers.write(unit, place, row, total, other);
  }
}

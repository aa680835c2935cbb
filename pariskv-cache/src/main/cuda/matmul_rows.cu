// matmul_rows.cu -- y = x W^T + b for 1 to 16 rows of x and bf16 weights: the linear layers of a decode step
//
// Bound by reading W once. At 3 TB/s an SM of an H100 gets 7 weights a clock and can issue 128 lane operations: 18 a
// weight. In plain f32 a weight takes one operation to widen and one fused one a row, so 16 rows leave no time to load.
// On tensor cores it takes none. There x is the left operand, 16 rows, cut into three bf16 whose sum it is exactly (24
// bits in three times 8): 6 mma of 16 x 8 x 16 multiply it by 8 outputs of 32 inputs, about a third of what the tensor
// cores can do in the time of the load, for 1 row as for 16. So products are exact and sums in f32, as the contract
// says; only an infinite x gives NaN. Cutting takes 11 operations for 2 inputs of a row: 3 for a weight with one tile,
// less with more.
//
// A block makes 8 * TILES outputs of all rows. Its warps share out the inputs: each takes UNROLL chunks of 32 at a
// time, loads 16 bytes a lane of every tile and chunk, 2 to 4 KiB, and what it needs of x from L1 or L2, and only then
// multiplies. At the end the warps' sums meet in shared memory and are added in the order of the warps. A block reads
// all of x, 4 * rows bytes beside 16 * TILES of W: the more tiles the better, as long as there are blocks for all SMs.
//
// W and x start at multiples of 16 bytes and `in` is a multiple of 8; anything else is for matmul_dots.cu.
// grid ceil(out / (8 * tiles)), block 512 for 1 tile, 256 for 2 or 4, static shared memory only.
#include "pariskv.cuh"

constexpr int MAX_BLOCK = 512;
constexpr int CHUNK = 32;  // inputs
constexpr int PARTS = 3;

/** The upper halves of two floats, which are bf16, as a pair. */
__device__ __forceinline__ uint32_t upper_halves(float a, float b) {
  return __byte_perm(__float_as_uint(a), __float_as_uint(b), 0x7632);
}

/** What a float is beside its upper half. Exact. */
__device__ __forceinline__ float rest(float a) { return a - __uint_as_float(__float_as_uint(a) & 0xffff0000u); }

/** Two floats as sums of three bf16 each, the largest part last. */
__device__ __forceinline__ void cut(float a, float b, uint32_t& low, uint32_t& middle, uint32_t& high) {
  high = upper_halves(a, b);
  a = rest(a);
  b = rest(b);
  middle = upper_halves(a, b);
  low = upper_halves(rest(a), rest(b));  // at most 8 bits are left: a bf16 as they are
}

__device__ __forceinline__ void cut(float4 a, float4 b, uint4 (&parts)[PARTS]) {
  cut(a.x, a.y, parts[0].x, parts[1].x, parts[2].x);
  cut(a.z, a.w, parts[0].y, parts[1].y, parts[2].y);
  cut(b.x, b.y, parts[0].z, parts[1].z, parts[2].z);
  cut(b.z, b.w, parts[0].w, parts[1].w, parts[2].w);
}

/** TILES tiles of 8 outputs, HALVES halves of 8 rows; a tile has CHAINS sums, as each waits for the one before. */
template <int TILES, int HALVES, int UNROLL>
struct Product {
  static constexpr int WIDTH = 8 * TILES;
  static constexpr int ROWS = 8 * HALVES;
  static constexpr int DEPTH = UNROLL * CHUNK;
  static constexpr int CHAINS = TILES == 1 ? PARTS : TILES == 2 ? 2 : 1;

  const uint16_t* weights[TILES];  // this lane's row of W of each tile
  const float* inputs[HALVES];     // this lane's row of x of each half
  float sums[TILES][CHAINS][4] = {};

  /** Adds what the inputs `from` to `from + DEPTH - 1` give; GUARDED if there are only those before `end`. */
  template <bool GUARDED>
  __device__ __forceinline__ void add(int from, int end) {
    uint4 w[UNROLL][TILES];
    float4 x[UNROLL][HALVES][2];
#pragma unroll
    for (int i = 0; i < UNROLL; i++) {
      const int column = from + i * CHUNK + lane_id() % 4 * 8;
      const bool inside = !GUARDED || column < end;
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        w[i][tile] = inside ? load128_once(weights[tile] + column) : make_uint4(0, 0, 0, 0);
      }
#pragma unroll
      for (int half = 0; half < HALVES; half++) {
        const float4* source = reinterpret_cast<const float4*>(inputs[half] + column);
        x[i][half][0] = inside ? __ldg(source) : make_float4(0, 0, 0, 0);
        x[i][half][1] = inside ? __ldg(source + 1) : make_float4(0, 0, 0, 0);
      }
    }
    __syncwarp();  // not for the lanes: else the compiler puts off loads until after the first products
#pragma unroll
    for (int i = 0; i < UNROLL; i++) {
      uint4 upper[PARTS];
      uint4 lower[PARTS] = {};
      cut(x[i][0][0], x[i][0][1], upper);
      if (HALVES == 2) {
        cut(x[i][HALVES - 1][0], x[i][HALVES - 1][1], lower);
      }
#pragma unroll
      for (int part = 0; part < PARTS; part++) {
#pragma unroll
        for (int tile = 0; tile < TILES; tile++) {
          mma_bf16_32(sums[tile][part % CHAINS], upper[part], lower[part], w[i][tile]);
        }
      }
    }
  }

  /** The sums of this warp, to [ROWS][WIDTH]. */
  __device__ __forceinline__ void store(float* to, int rows) const {
#pragma unroll
    for (int i = 0; i < 2 * HALVES; i++) {
      const int row = i / 2 * 8 + lane_id() / 4;
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        float sum = 0;
#pragma unroll
        for (int chain = 0; chain < CHAINS; chain++) {
          sum += sums[tile][chain][i];
        }
        if (row < rows) {
          to[row * WIDTH + 8 * tile + lane_id() % 4 * 2 + i % 2] = sum;
        }
      }
    }
  }
};

/** `partial` is [warps][8 * HALVES][8 * TILES] in shared memory. */
template <int TILES, int HALVES, int UNROLL>
__device__ __forceinline__ void multiply(const float* x, const uint16_t* weight, const float* bias, float* y, int rows,
                                         int in, int out, float* partial) {
  Product<TILES, HALVES, UNROLL> product;
  constexpr int WIDTH = product.WIDTH;
  constexpr int PARTIAL = product.ROWS * WIDTH;
  constexpr int DEPTH = product.DEPTH;
  const int first = blockIdx.x * WIDTH;
#pragma unroll
  for (int tile = 0; tile < TILES; tile++) {  // beyond the last output, or row, that one again; it is not written
    product.weights[tile] = weight + int64_t(min(first + 8 * tile + lane_id() / 4, out - 1)) * in;
  }
#pragma unroll
  for (int half = 0; half < HALVES; half++) {
    product.inputs[half] = x + int64_t(min(8 * half + lane_id() / 4, rows - 1)) * in;
  }
  int from = warp_id() * DEPTH;
  for (; from + DEPTH <= in; from += warp_count() * DEPTH) {
    product.template add<false>(from, in);
  }
  if (from < in) {
    product.template add<true>(from, in);
  }
  product.store(partial + warp_id() * PARTIAL, rows);
  __syncthreads();  // every warp's sums are there
  for (int i = threadIdx.x; i < rows * WIDTH; i += blockDim.x) {
    const int output = first + i % WIDTH;
    if (output < out) {
      float sum = bias == nullptr ? 0 : bias[output];
      for (int warp = 0; warp < warp_count(); warp++) {
        sum += partial[warp * PARTIAL + i];
      }
      y[int64_t(i / WIDTH) * out + output] = sum;
    }
  }
}

extern "C" __global__ void __launch_bounds__(MAX_BLOCK)
    matmul_rows_8(const float* x,          // [rows][in]
                  const uint16_t* weight,  // [out][in] bf16
                  const float* bias,       // [out], or nullptr
                  float* y,                // [rows][out]
                  int rows,                // 1 to 8
                  int in, int out,
                  int tiles) {  // 1, 2 or 4
  __shared__ float partial[8 * 8 * 32];  // of 8 warps and 4 tiles, or of 16 warps and 1 tile
  switch (tiles) {
    case 1: return multiply<1, 1, 4>(x, weight, bias, y, rows, in, out, partial);
    case 2: return multiply<2, 1, 4>(x, weight, bias, y, rows, in, out, partial);
    default: return multiply<4, 1, 2>(x, weight, bias, y, rows, in, out, partial);
  }
}

extern "C" __global__ void __launch_bounds__(MAX_BLOCK)
    matmul_rows_16(const float* x,          // [rows][in]
                   const uint16_t* weight,  // [out][in] bf16
                   const float* bias,       // [out], or nullptr
                   float* y,                // [rows][out]
                   int rows,                // 1 to 16
                   int in, int out,
                   int tiles) {  // 1, 2 or 4
  __shared__ float partial[8 * 16 * 32];  // of 8 warps and 4 tiles, or of 16 warps and 1 tile
  switch (tiles) {
    case 1: return multiply<1, 2, 2>(x, weight, bias, y, rows, in, out, partial);
    case 2: return multiply<2, 2, 2>(x, weight, bias, y, rows, in, out, partial);
    default: return multiply<4, 2, 2>(x, weight, bias, y, rows, in, out, partial);
  }
}

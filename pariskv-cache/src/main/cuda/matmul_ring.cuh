// matmul_ring.cuh -- how matmul_ring.cu and matmul_wide.cu work: UNIT rows of bf16 weights by 3 to 16 rows of x on tensor
// cores. Included in the namespace of each, after UNIT.
//
// Bound by reading W once. x is cut into three bf16 whose sum it is exactly (24 bits in three times 8): so products are
// exact and sums in f32, as the contract says; only an infinite x gives NaN. Without the lowest part x would be off by
// 2^-17 of itself.
//
// W goes through a ring in shared memory, 96 KiB a block and two blocks an SM. So 64 to 80 KiB are under way while a
// chunk of 256 inputs is multiplied, whatever registers hold, and are there when the kernel before has ended: 5 to 7 us
// of reading, behind which its end, the launch and the first x disappear. A warp asks for a row at a time, 512 bytes in
// a line; products want 64 bytes of each of 8 rows, with which memory is slower. Of a chunk each warp multiplies 32
// inputs. x comes from L2, once a block, a chunk ahead. One barrier a chunk says both that its weights are there and
// that those of the chunk before were read.
//
// x is the left operand, 16 rows, and W the right one, 8 rows, since then 16 bytes of a row of W in shared memory are
// two operands as they are; the other way round each product needs four moves. With 8 rows of x the other eight of the
// operand are the middle part of the same rows. A warp issues for 32 inputs of 32 rows of W with 8 rows of x 16 mma and
// 170 others, with 16 rows 24 and 240, with 64 rows of W 48 and 290: half to two thirds of them cut x. The SM issues
// for a warp in each of its quarters; there it takes 600 cycles for 2 KiB of W to arrive.
//
// Of x a block reads 4 bytes a row and input, of W 2 * UNIT: with 16 rows and UNIT 32 as much from L2 as from memory.
//
// At the end the warps' sums meet in the ring's place and are added in the order of the warps. A norm is no pass of its
// own: W (x * weight) is multiplied while squares are summed, and scaled at the end.

constexpr int WARPS = 8;
constexpr int BLOCK = WARPS * WARP;
constexpr int HALF = 8;                     // rows of x and rows of W that are multiplied together
constexpr int STEP = 32;                    // inputs of a warp's part of a chunk
constexpr int CHUNK = WARPS * STEP;         // inputs
constexpr int ROW = 2 * CHUNK;              // bytes of a row of W in a chunk
constexpr int STAGES = 96 * 1024 / (UNIT * ROW);  // chunks in the ring
constexpr int SUMS = UNIT + 8;              // numbers from one row of sums to the next: spread over the banks

#include "matmul_layers.cuh"
#include "matmul_parts.cuh"

/** The chunks of weights that are on their way and there. */
struct Ring {
  unsigned long long row;  // where the row of W is that this warp brings as its number lane % (UNIT / WARPS)
  uint32_t memory;         // [STAGES][UNIT][ROW]
  int in;

  /** Sixteen bytes of a row of a chunk. The halves of 128 bytes change places in odd rows, for reading rows by pairs. */
  __device__ __forceinline__ uint32_t at(int chunk, int row, int piece) const {
    return memory + (chunk % STAGES * UNIT + row) * ROW + (piece ^ row % 2 * 4) * 16;
  }

  /** Asks for a chunk, if there is one; zeros beyond the last input. */
  __device__ __forceinline__ void fetch(int chunk) const {
    const int from = chunk * CHUNK;
    if (from < in) {
      const int column = from + lane_id() * 8;
      const bool inside = column < in;
#pragma unroll
      for (int i = 0; i < UNIT / WARPS; i++) {
        const auto* weights = reinterpret_cast<const uint16_t*>(__shfl_sync(FULL_WARP, row, i));
        copy_async(at(chunk, i * WARPS + warp_id(), lane_id()), weights + (inside ? column : 0), inside);
      }
    }
    commit_copies();
  }

  /** Of this warp's inputs of a chunk, the eight that this lane multiplies, of a row. */
  __device__ __forceinline__ uint4 read(int chunk, int row) const {
    return load_shared128(at(chunk, row, warp_id() * (STEP / 8) + lane_id() % 4));
  }
};

/** This warp's share of the products. HALVES of 8 rows of x: 1 or 2. */
template <int HALVES>
struct Product {
  const Input& input;
  float4 x[HALVES][2];  // of the next chunk: eight inputs of rows lane / 4 and lane / 4 + 8
  float4 scale[2];      // what the norm multiplies them by
  // Sums of 16 rows by 8 rows of W. With 8 rows of x the upper part of x is the first eight and the rest of it the
  // others; with 16 there are sums for each.
  float sums[HALVES][UNIT / HALF][4] = {};
  float squares[HALVES] = {};

  /** The first of this lane's eight inputs of a chunk. */
  static __device__ __forceinline__ int column(int chunk) {
    return chunk * CHUNK + warp_id() * STEP + lane_id() % 4 * 8;
  }

  static __device__ __forceinline__ void load(float4 (&to)[2], const float* row, int from, int in) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      to[i] = from < in ? reinterpret_cast<const float4*>(row + from)[i] : make_float4(0, 0, 0, 0);
    }
  }

  __device__ __forceinline__ void load_x(int chunk) {
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
      const int row = min(half * HALF + lane_id() / 4, input.rows - 1);  // beyond the last that one again, not written
      load(x[half], input.x + int64_t(row) * input.in, column(chunk), input.in);
    }
  }

  __device__ __forceinline__ void load_scale(int chunk) {
    if (input.norm != nullptr) {
      load(scale, input.norm, column(chunk), input.in);
    }
  }

  /** Multiplies a chunk, whose x are there, and asks for those of the next. */
  __device__ __forceinline__ void add(const Ring& ring, int chunk) {
    uint4 parts[HALVES][PARTS];
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
      if (input.norm != nullptr) {
        squares[half] += squares_of(x[half][0]) + squares_of(x[half][1]);
        x[half][0] = scaled(x[half][0], scale[0]);
        x[half][1] = scaled(x[half][1], scale[1]);
      }
      cut(x[half][0], x[half][1], parts[half]);
    }
    load_x(chunk + 1);
#pragma unroll
    for (int i = 0; i < UNIT / HALF; i++) {
      const uint4 weights = ring.read(chunk, i * HALF + lane_id() / 4);
      if constexpr (HALVES == 1) {
        mma_bf16_32(sums[0][i], parts[0][2], parts[0][1], weights);
        mma_bf16_32(sums[0][i], make_uint4(0, 0, 0, 0), parts[0][0], weights);
      } else {
        mma_bf16_32(sums[1][i], parts[0][0], parts[1][0], weights);
        mma_bf16_32(sums[0][i], parts[0][2], parts[1][2], weights);
        mma_bf16_32(sums[1][i], parts[0][1], parts[1][1], weights);
      }
    }
  }

  /** Leaves the sums in shared memory, [HALVES * HALF][SUMS] and, at `to`, [HALVES * HALF] squares. */
  __device__ __forceinline__ void leave(float* at, float* to) const {
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
      const int row = half * HALF + lane_id() / 4;
#pragma unroll
      for (int i = 0; i < UNIT / HALF; i++) {  // of two rows of W
        const float* upper = &sums[0][i][half * 2];
        const float* rest = HALVES == 1 ? upper + 2 : &sums[HALVES - 1][i][half * 2];
        *reinterpret_cast<float2*>(at + row * SUMS + i * HALF + lane_id() % 4 * 2) =
            make_float2(upper[0] + rest[0], upper[1] + rest[1]);
      }
      float square = squares[half];
      square += __shfl_xor_sync(FULL_WARP, square, 1);
      square += __shfl_xor_sync(FULL_WARP, square, 2);
      if (lane_id() % 4 == 0) {
        to[row] = square;
      }
    }
  }
};

/** The outputs of a block. `layers` says where the rows of a unit are and takes what they give. */
template <int HALVES, typename Layers>
__device__ __forceinline__ void multiply(const Input& input, const Layers& layers) {
  extern __shared__ __align__(128) char shared[];
  const int unit = blockIdx.x;
  Ring ring;
  ring.row = reinterpret_cast<unsigned long long>(
      layers.row(unit, lane_id() % (UNIT / WARPS) * WARPS + warp_id(), input.in));
  ring.memory = shared_address(shared);
  ring.in = input.in;
  for (int chunk = 0; chunk < STAGES - 1; chunk++) {
    ring.fetch(chunk);
  }
  await_previous();
  release_next();
  Product<HALVES> product = {input};
  product.load_x(0);
#pragma unroll 1
  for (int chunk = 0; chunk * CHUNK < input.in; chunk++) {
    product.load_scale(chunk);
    wait_for_copies_but<STAGES - 2>();
    __syncthreads();  // this chunk is there, and all have read the one before
    ring.fetch(chunk + STAGES - 1);
    product.add(ring, chunk);
  }
  __syncthreads();  // all have read the ring, where their sums go
  constexpr int ROWS = HALVES * HALF;
  float* sums = reinterpret_cast<float*>(shared);  // [WARPS][ROWS][SUMS]
  float* squares = sums + WARPS * ROWS * SUMS;     // [WARPS][ROWS]
  product.leave(sums + warp_id() * ROWS * SUMS, squares + warp_id() * ROWS);
  __syncthreads();  // every warp's sums are there
  // A warp has 16 rows of W of the first half of the unit and the 16 that lie UNIT / 2 beyond, by one row of x.
  constexpr int PASSES = UNIT / WARP;
  for (int i = warp_id(); i < input.rows * PASSES; i += WARPS) {
    const int row = i / PASSES;
    const int place = i % PASSES * (WARP / 2) + lane_id() % 16 + lane_id() / 16 * (UNIT / 2);
    float total = 0;
    float square = 0;
    for (int warp = 0; warp < WARPS; warp++) {
      total += sums[(warp * ROWS + row) * SUMS + place];
      square += squares[warp * ROWS + row];
    }
    total *= input.factor(square);
    const float other = __shfl_xor_sync(FULL_WARP, total, WARP / 2);
    layers.write(unit, place, row, total, other);
  }
}

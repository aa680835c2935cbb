// matmul_rows.cuh -- what matmul_rows.cu and matmul_gated.cu share: products of 1 to 16 rows of x by bf16 weights.
// Without a guard: each needs it in its namespace.
//
// Bound by reading W once. At 3 TB/s an SM of an H100 gets 7 weights a clock and can issue 128 lane operations: 18 a
// weight. In plain f32 a weight takes one operation to widen and one fused one a row, so 16 rows leave no time to load.
// On tensor cores it takes none. There x is the left operand, 16 rows, cut into three bf16 whose sum it is exactly (24
// bits in three times 8): 6 mma of 16 x 8 x 16 multiply it by 8 outputs of 32 inputs, about a third of what the tensor
// cores can do in the time of the load, for 1 row as for 16. So products are exact and sums in f32, as the contract
// says; only an infinite x gives NaN. Cutting takes 11 operations for 2 inputs of a row, and the norm 4: 4 for a weight
// with one tile, less with more.
//
// A block makes 8 * TILES outputs of all rows. Its warps share out the inputs in chunks of 32, two neighbours at a
// time: a row of W is read by 128 bytes. A lane copies the 16 bytes of W that it will multiply to a ring in shared
// memory, 8 KiB a warp: what is under way takes no registers, and no lane waits for another. W is the same in every
// step, so the ring is filled before the kernel waits for the one before it; with two blocks on an SM that is 17 MB or
// 5 us of reading, behind which the end of that kernel, the launch and small kernels between disappear. Then every
// chunk that was multiplied makes room for one more. Inputs come from L1 or L2, AHEAD chunks ahead. At the end the
// warps' sums meet in shared memory and are added in the order of the warps. A block reads all of x, 4 * rows bytes
// beside 16 * TILES of W, and 4 of the norm: the more tiles the better, as long as all SMs have a block.
//
// A norm is no pass of its own: W (x * weight) is multiplied while squares are summed, and scaled at the end.
// W and x start at multiples of 16 bytes and `in` is a multiple of 8; anything else is for matmul_dots.cu.

constexpr int WARPS = 8;
constexpr int BLOCK = WARPS * WARP;
constexpr int CHUNK = 32;    // inputs
constexpr int TILE = 512;    // bytes of 8 outputs of a chunk
constexpr int RING = 8192;   // bytes of a warp
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

__device__ __forceinline__ float4 scaled(float4 a, float4 b) {
  return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}

__device__ __forceinline__ float squares(float4 a) { return a.x * a.x + a.y * a.y + (a.z * a.z + a.w * a.w); }

/** What is multiplied by W. */
struct Input {
  const float* x;     // [rows][in]
  const float* norm;  // [in] weights of the norm, or nullptr for none
  float epsilon;
  int rows;
  int in;
};

/** TILES tiles of 8 outputs, HALVES halves of 8 rows; a tile has CHAINS sums, as each waits for the one before. */
template <int TILES, int HALVES>
struct Product {
  static constexpr int WIDTH = 8 * TILES;
  static constexpr int ROWS = 8 * HALVES;
  static constexpr int STAGES = RING / (TILE * TILES);
  static constexpr int CHAINS = TILES == 1 ? PARTS : TILES == 2 ? 2 : 1;
  static constexpr int AHEAD = HALVES == 1 ? 2 : 1;  // chunks of inputs in registers
  static_assert((ROWS * WIDTH + ROWS) * sizeof(float) <= RING, "a warp's sums take the place of its ring");

  const Input& input;
  const uint16_t* weights[TILES];  // this lane's row of W of each tile
  const float* rows[HALVES];       // this lane's row of x of each half
  char* ring;                      // of this warp
  float4 x[AHEAD][HALVES][2];      // inputs of the next chunks
  float4 scale[AHEAD][2];
  float sums[TILES][CHAINS][4] = {};
  float squared[HALVES] = {};

  __device__ __forceinline__ Product(const Input& input, char* shared) : input(input), ring(shared + warp_id() * RING) {
#pragma unroll
    for (int half = 0; half < HALVES; half++) {  // beyond the last row that one again; it is not written
      rows[half] = input.x + int64_t(min(8 * half + lane_id() / 4, input.rows - 1)) * input.in;
    }
  }

  /** Tile `tile` is that of outputs `first` to `first + 7`. */
  __device__ __forceinline__ void take(int tile, const uint16_t* weight, int first, int out) {
    weights[tile] = weight + int64_t(min(first + lane_id() / 4, out - 1)) * input.in;
  }

  /** The first of this lane's 8 inputs of this warp's chunk number i. */
  __device__ __forceinline__ int column(int i) const {
    return ((i / 2 * WARPS + warp_id()) * 2 + i % 2) * CHUNK + lane_id() % 4 * 8;
  }

  /** Chunks of this warp. */
  __device__ __forceinline__ int chunks() const {
    const int all = ceil_div(input.in, CHUNK);
    return all / (2 * WARPS) * 2 + max(0, min(2, all % (2 * WARPS) - 2 * warp_id()));
  }

  /** This lane's 16 bytes of a tile of chunk i. */
  __device__ __forceinline__ char* stage(int i, int tile) const {
    return ring + (i % STAGES * TILES + tile) * TILE + lane_id() * 16;
  }

  /** Begins to copy the weights of chunk i, if there is one. */
  __device__ __forceinline__ void fetch(int i, int count) {
    if (i < count) {
      const int from = column(i);
      const bool inside = from < input.in;
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        copy_async(shared_address(stage(i, tile)), weights[tile] + (inside ? from : 0), inside);
      }
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  }

  /** Begins to load the inputs of chunk i to place `at`; zeros beyond the last. */
  __device__ __forceinline__ void load(int i, int at) {
    const int from = column(i);
    const bool inside = from < input.in;
#pragma unroll
    for (int j = 0; j < 2; j++) {
#pragma unroll
      for (int half = 0; half < HALVES; half++) {
        x[at][half][j] = inside ? reinterpret_cast<const float4*>(rows[half] + from)[j] : make_float4(0, 0, 0, 0);
      }
      scale[at][j] = inside && input.norm != nullptr ? __ldg(reinterpret_cast<const float4*>(input.norm + from) + j)
                                                     : make_float4(1, 1, 1, 1);
    }
  }

  /** Adds the products of chunk i, whose inputs are at place `at`. */
  __device__ __forceinline__ void add(int i, int at, int count) {
    asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 1) : "memory");  // its weights are here
    uint4 w[TILES];
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
      w[tile] = *reinterpret_cast<const uint4*>(stage(i, tile));
    }
    uint4 upper[PARTS];
    uint4 lower[PARTS] = {};
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
      const float4(&v)[2] = x[at][half];
      squared[half] += squares(v[0]) + squares(v[1]);
      cut(scaled(v[0], scale[at][0]), scaled(v[1], scale[at][1]), half == 0 ? upper : lower);
    }
    load(i + AHEAD, at);
    fetch(i + STAGES, count);  // in the place of w, which this lane has read
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        mma_bf16_32(sums[tile][part % CHAINS], upper[part], lower[part], w[tile]);
      }
    }
  }

  /** Fills the ring; waits for the kernel before; multiplies. */
  __device__ __forceinline__ void run() {
    const int count = chunks();
    for (int i = 0; i < STAGES; i++) {
      fetch(i, count);
    }
    await_previous();
    release_next();
#pragma unroll
    for (int i = 0; i < AHEAD; i++) {
      load(i, i);
    }
#pragma unroll 1
    for (int first = 0; first < count; first += AHEAD) {
#pragma unroll
      for (int i = 0; i < AHEAD; i++) {
        if (first + i < count) {
          add(first + i, i, count);
        }
      }
    }
    share();
  }

  /** This warp's sums as [ROWS][WIDTH], then its squares as [ROWS], in place of its ring; for all warps to see. */
  __device__ __forceinline__ void share() {
    __syncwarp();  // all lanes have read their weights
    float* to = reinterpret_cast<float*>(ring);
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
        to[row * WIDTH + 8 * tile + lane_id() % 4 * 2 + i % 2] = sum;
      }
    }
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
      float sum = squared[half] + __shfl_xor_sync(FULL_WARP, squared[half], 1);
      sum += __shfl_xor_sync(FULL_WARP, sum, 2);
      if (lane_id() % 4 == 0) {
        to[ROWS * WIDTH + 8 * half + lane_id() / 4] = sum;
      }
    }
    __syncthreads();
  }

  /** The sum of number `i` of what the warps share. */
  static __device__ __forceinline__ float total(const char* shared, int i) {
    float sum = 0;
    for (int warp = 0; warp < WARPS; warp++) {
      sum += reinterpret_cast<const float*>(shared + warp * RING)[i];
    }
    return sum;
  }

  /** Output `column` of a row, without the bias. */
  static __device__ __forceinline__ float result(const Input& input, const char* shared, int row, int column) {
    const float sum = total(shared, row * WIDTH + column);
    return input.norm == nullptr
               ? sum
               : sum * (1.0f / sqrtf(total(shared, ROWS * WIDTH + row) / input.in + input.epsilon));
  }
};

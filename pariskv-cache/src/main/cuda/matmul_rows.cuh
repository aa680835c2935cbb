// matmul_rows.cuh -- what matmul_rows.cu and matmul_gated.cu share: products of 1 to 16 rows of x by bf16 weights.
// Without a guard: each needs it in its namespace.
//
// Bound by reading W once. At 3 TB/s an SM of an H100 gets 7 weights a clock and can issue 128 lane operations: 18 a
// weight. x is cut into three bf16 whose sum it is exactly (24 bits in three times 8), so that tensor cores multiply it
// by W in f32: products are exact, only an infinite x gives NaN. W is the left operand, a unit of 16 outputs, x the
// right one, half of the rows: 6 mma of 16 x 8 x 16 for a unit of 32 inputs. A warp issues about 65 instructions for it
// (mma and the moves before them 18, loads and the ring 12, where the next weights are 30) and 100 for cutting the
// inputs and the norm, once a pass: with 4 units a pass 6 lane operations a weight, with 16 rows 9.
//
// Each multiprocessor has one block, with an even share of all units, made in passes of UNITS units; what registers
// hold bounds a pass, not the share. (With blocks of a fixed number of outputs there were 0.5 to 3.4 waves of them, and
// 46 to 73% of the bandwidth.) Its 16 warps share out the inputs in chunks of 32, two neighbours at a time: a row of W
// is read by 128 bytes. A lane copies the 16 bytes of W that it will multiply to a ring in shared memory, 5 KiB a warp,
// 80 KiB a block: what is under way takes no registers, and no lane waits for another. The copies run on over the end
// of a pass: while its sums meet in shared memory the weights of the next one come. At the end they are added in a
// fixed order, the warps by halves, then one thread a result.
//
// W is the same in every step, so the ring is filled before the kernel waits for the one before it. The kernels of up
// to 8 rows leave half of the registers and shared memory: the blocks of the next kernel are there and have filled
// their rings, 10 MB or 3 us of reading, when this one ends. 16 rows take the registers of both, for as many units.
// Inputs come from L1 or L2, a chunk ahead, 4 * rows bytes of them beside 32 * UNITS of W.
//
// A norm is no pass of its own: W (x * weight) is multiplied while squares are summed, and scaled at the end.
// W and x start at multiples of 16 bytes and `in` is a multiple of 8; anything else is for matmul_dots.cu.

#include "matmul_parts.cuh"

constexpr int WARPS = 16;
constexpr int BLOCK = WARPS * WARP;
constexpr int CHUNK = 32;           // inputs
constexpr int UNIT = 16;            // outputs
constexpr int SLOT = 1024;          // bytes of a unit of a chunk
constexpr int SLOTS = 5;            // of a warp's ring
constexpr int RING = SLOTS * SLOT;  // bytes
constexpr int HALF = 8;            // rows
constexpr int MERGED = WARPS / 2;  // warps whose sums are in shared memory at a time
constexpr int SHARED = WARPS * RING + (MERGED * BLOCK + (WARPS + 1) * HALF) * sizeof(float);

extern __shared__ __align__(16) char shared[];

/** Where a row of W is, from input `from` on. */
__device__ __forceinline__ const uint16_t* row_at(const uint16_t* weight, int row, int in, int from) {
  return reinterpret_cast<const uint16_t*>(reinterpret_cast<const char*>(weight + from) + int64_t(row) * (2 * in));
}

#include "matmul_sums.cuh"

/**
 * The products of this block. A pass makes UNITS units of outputs, of HALVES halves of 8 rows.
 *
 * @tparam Layers where rows of W are and where results go:
 *     rows(unit, in, from, upper, lower), this lane's of either half of a unit, from input `from` on;
 *     write<UNITS>(unit, place, row, number), for 16 places of a unit, numbers as of total() in matmul_sums.cuh
 */
template <int UNITS, int HALVES, typename Layers>
struct Product {
  static_assert(SUMS<UNITS> <= BLOCK, "a thread writes one of them");
  static_assert(UNITS < SLOTS, "the weights of a chunk are in the ring");

  const Input& input;
  const Layers& layers;
  const int end;    // of this block's units
  const int count;  // chunks of this warp
  int fetch_pass;   // what is fetched next: first unit of the pass, unit, chunk
  int fetch_unit;
  int fetch_chunk = 0;
  int fetch_from = column(0);
  int slot = 0;   // of the next weights, in bytes
  float4 x[2];    // next inputs
  float sums[UNITS][HALVES][4];
  float squared[HALVES];

  __device__ __forceinline__ Product(const Input& input, const Layers& layers, int begin, int end)
      : input(input), layers(layers), end(end), count(chunks(input.in)) {
    fetch_pass = fetch_unit = count > 0 ? begin : end;
  }

  /** Chunks of this warp. */
  static __device__ __forceinline__ int chunks(int in) {
    const int all = ceil_div(in, CHUNK);
    return all / (2 * WARPS) * 2 + max(0, min(2, all % (2 * WARPS) - 2 * warp_id()));
  }

  /** The first of this lane's 8 inputs of this warp's chunk number i. */
  static __device__ __forceinline__ int column(int i) {
    return ((i / 2 * WARPS + warp_id()) * 2 + i % 2) * CHUNK + lane_id() % 4 * 8;
  }

  /** This lane's 16 bytes of the upper half of what is in a slot; the lower half follows in TILE bytes. */
  static __device__ __forceinline__ char* place(int slot) {
    return shared + warp_id() * RING + slot + lane_id() * 16;
  }

  static __device__ __forceinline__ int after(int slot) { return slot == RING - SLOT ? 0 : slot + SLOT; }

  /** Begins to copy the next weights, if there are any, to a slot. */
  __device__ __forceinline__ void fetch(int to) {
    if (fetch_unit < end) {
      const bool inside = fetch_from < input.in;
      const uint16_t *upper, *lower;
      layers.rows(fetch_unit, input.in, inside ? fetch_from : 0, upper, lower);
      copy_async(shared_address(place(to)), upper, inside);
      copy_async(shared_address(place(to) + SLOT / 2), lower, inside);
      if (++fetch_unit == min(fetch_pass + UNITS, end)) {
        if (++fetch_chunk == count) {
          fetch_chunk = 0;
          fetch_pass += UNITS;
        }
        fetch_from = column(fetch_chunk);
        fetch_unit = fetch_pass;
      }
    }
    commit_copies();
  }

  /** Begins to load the inputs of half the rows of chunk i; zeros beyond the last input, some row beyond the last. */
  __device__ __forceinline__ void load(int i, int half) {
    const int from = column(i);
    const bool inside = from < input.in;
    const float* row = input.x + int64_t(min(HALF * half + lane_id() / 4, input.rows - 1)) * input.in;
#pragma unroll
    for (int j = 0; j < 2; j++) {
      x[j] = inside ? reinterpret_cast<const float4*>(row + from)[j] : make_float4(0, 0, 0, 0);
    }
  }

  /** Adds the products of chunk i by `units` units. */
  __device__ __forceinline__ void add(int i, int units) {
    const int from = column(i);
    int at = slot;
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
      uint4 parts[PARTS];
      squared[half] += squares(x[0]) + squares(x[1]);
      if (input.norm != nullptr && from < input.in) {
#pragma unroll
        for (int j = 0; j < 2; j++) {
          x[j] = scaled(x[j], __ldg(reinterpret_cast<const float4*>(input.norm + from) + j));
        }
      }
      cut(x[0], x[1], parts);
      const bool last = half == HALVES - 1;
      load(!last ? i : i + 1 < count ? i + 1 : 0, last ? 0 : half + 1);  // after the last chunk, of the next pass
      if (half == 0) {
        asm volatile("cp.async.wait_group %0;" ::"n"(SLOTS - UNITS) : "memory");  // the chunk's weights are here
      }
      at = slot;
#pragma unroll
      for (int unit = 0; unit < UNITS; unit++) {
        if (unit < units) {
          const uint4 upper = *reinterpret_cast<const uint4*>(place(at));
          const uint4 lower = *reinterpret_cast<const uint4*>(place(at) + SLOT / 2);
#pragma unroll
          for (int part = 0; part < PARTS; part++) {
            mma_bf16(sums[unit][half], upper.x, lower.x, upper.y, lower.y, parts[part].x, parts[part].y);
          }
#pragma unroll
          for (int part = 0; part < PARTS; part++) {
            mma_bf16(sums[unit][half], upper.z, lower.z, upper.w, lower.w, parts[part].z, parts[part].w);
          }
          if (last) {
            fetch(at);  // this lane has read what was there
          }
          at = after(at);
        }
      }
    }
    slot = at;
  }

  /** Makes units `begin` to `end - 1`. */
  __device__ __forceinline__ void run(int begin) {
#pragma unroll 1
    for (int i = 0; i < SLOTS; i++) {
      fetch(i * SLOT);
    }
    await_previous();
    release_next();
    load(0, 0);
#pragma unroll 1
    for (int first = begin; first < end; first += UNITS) {
      const int units = min(UNITS, end - first);
#pragma unroll
      for (int i = 0; i < UNITS * HALVES * 4; i++) {
        (&sums[0][0][0])[i] = 0;
      }
#pragma unroll
      for (int half = 0; half < HALVES; half++) {
        squared[half] = 0;
      }
#pragma unroll 1
      for (int i = 0; i < count; i++) {
        add(i, units);
      }
      const int number = threadIdx.x;
      const int unit = number / (4 * WARP);
      const int place = number % WARP / 4 + number / (2 * WARP) % 2 * 8;
#pragma unroll
      for (int half = 0; half < HALVES; half++) {
        share<UNITS, HALVES>(input, sums, squared[half], half);
        const int row = HALF * half + number % 4 * 2 + number / WARP % 2;
        if (unit < units && row < input.rows) {
          layers.template write<UNITS>(first + unit, place, row, number);
        }
      }
    }
  }
};

/** Makes this block's even share of all units. */
template <int UNITS, int HALVES, typename Layers>
__device__ __forceinline__ void multiply(const Input& input, const Layers& layers) {
  const int all = layers.units();
  const int blocks = gridDim.x;
  const int block = blockIdx.x;
  const int begin = all / blocks * block + min(block, all % blocks);
  const int end = begin + all / blocks + (block < all % blocks);
  Product<UNITS, HALVES, Layers>(input, layers, begin, end).run(begin);
}

/** Of up to 8 * HALVES rows, 1 to 4 units a pass. */
template <int HALVES, typename Layers>
__device__ __forceinline__ void multiply(const Input& input, const Layers& layers, int units) {
  switch (units) {
    case 1: return multiply<1, HALVES>(input, layers);
    case 2: return multiply<2, HALVES>(input, layers);
    case 3: return multiply<3, HALVES>(input, layers);
    default: return multiply<4, HALVES>(input, layers);
  }
}

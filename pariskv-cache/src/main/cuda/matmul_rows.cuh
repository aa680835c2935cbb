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

constexpr int WARPS = 16;
constexpr int BLOCK = WARPS * WARP;
constexpr int CHUNK = 32;           // inputs
constexpr int UNIT = 16;            // outputs
constexpr int SLOT = 1024;          // bytes of a unit of a chunk
constexpr int SLOTS = 5;            // of a warp's ring
constexpr int RING = SLOTS * SLOT;  // bytes
constexpr int PARTS = 3;
constexpr int MAX_ROWS = 16;
constexpr int MERGED = WARPS / 2;  // warps whose sums are in shared memory at a time
constexpr int SHARED = WARPS * RING + (MERGED * BLOCK + (WARPS + 1) * MAX_ROWS) * sizeof(float);

extern __shared__ __align__(16) char shared[];

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

/** Where a row of W is, from input `from` on. */
__device__ __forceinline__ const uint16_t* row_at(const uint16_t* weight, int row, int in, int from) {
  return reinterpret_cast<const uint16_t*>(reinterpret_cast<const char*>(weight + from) + int64_t(row) * (2 * in));
}

/** What is multiplied by W. */
struct Input {
  const float* x;     // [rows][in]
  const float* norm;  // [in] weights of the norm, or nullptr for none
  float epsilon;
  int rows;
  int in;
};

/**
 * The products of this block. A pass makes UNITS units of outputs, of HALVES halves of 8 rows.
 *
 * @tparam Layers where rows of W are and where results go:
 *     rows(unit, in, from, upper, lower), this lane's of either half of a unit, from input `from` on;
 *     write(product, unit, place, row, number), called once for each of a unit's 16 places, numbers as of total()
 */
template <int UNITS, int HALVES, typename Layers>
struct Product {
  static constexpr int SUMS = UNITS * HALVES * 4 * WARP;
  static_assert(SUMS <= BLOCK, "a thread writes one sum of a pass");
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
    const float* row = input.x + int64_t(min(8 * half + lane_id() / 4, input.rows - 1)) * input.in;
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
      share();
      const int number = threadIdx.x;
      const int unit = number / (HALVES * 4 * WARP);
      const int row = number / (4 * WARP) % HALVES * 8 + number % 4 * 2 + number / WARP % 2;
      if (number < SUMS && unit < units && row < input.rows) {
        layers.write(*this, first + unit, number % WARP / 4 + number / (2 * WARP) % 2 * 8, row, number);
      }
    }
  }

  // Shared memory behind the rings: sums [MERGED][SUMS], squares [WARPS][MAX_ROWS], factors [MAX_ROWS]. A thread's
  // numbers are in the order of `sums`, 32 lanes of each: no two lanes meet at a bank.
  static __device__ __forceinline__ float* shared_sums() { return reinterpret_cast<float*>(shared + WARPS * RING); }
  static __device__ __forceinline__ float* shared_squares() { return shared_sums() + MERGED * BLOCK; }
  static __device__ __forceinline__ float* factors() { return shared_squares() + WARPS * MAX_ROWS; }

  /** This lane's sums to the place of warp `warp`, together with those there if `merge`. */
  __device__ __forceinline__ void store(int warp, bool merge) {
    float* to = shared_sums() + warp * SUMS + lane_id();
#pragma unroll
    for (int i = 0; i < SUMS / WARP; i++) {
      const float sum = (&sums[0][0][0])[i];
      to[i * WARP] = merge ? sum + to[i * WARP] : sum;
    }
  }

  /** Shares the sums of the pass with all warps, and what the norm divides each row by. */
  __device__ __forceinline__ void share() {
    __syncthreads();  // those of the pass before were read
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
      float sum = squared[half] + __shfl_xor_sync(FULL_WARP, squared[half], 1);
      sum += __shfl_xor_sync(FULL_WARP, sum, 2);
      if (lane_id() % 4 == 0) {
        shared_squares()[warp_id() * MAX_ROWS + 8 * half + lane_id() / 4] = sum;
      }
    }
    if (warp_id() >= MERGED) {
      store(warp_id() - MERGED, false);
    }
    __syncthreads();  // the upper warps' sums are there
    const int row = threadIdx.x - MERGED * WARP;
    if (row < 0) {
      store(warp_id(), true);
    } else if (row < 8 * HALVES) {
      float sum = 0;
      for (int warp = 0; warp < WARPS; warp++) {
        sum += shared_squares()[warp * MAX_ROWS + row];
      }
      factors()[row] = input.norm == nullptr ? 1 : 1.0f / sqrtf(sum / input.in + input.epsilon);
    }
    __syncthreads();  // all sums are there
  }

  /** A sum over all warps, without the bias. */
  static __device__ __forceinline__ float total(int row, int number) {
    float sum = 0;
#pragma unroll
    for (int warp = 0; warp < MERGED; warp++) {
      sum += shared_sums()[warp * SUMS + number];
    }
    return sum * factors()[row];
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

/** Of up to 8 rows; at most 4 units a pass. */
template <typename Layers>
__device__ __forceinline__ void multiply_8(const Input& input, const Layers& layers, int units) {
  switch (units) {
    case 1: return multiply<1, 1>(input, layers);
    case 2: return multiply<2, 1>(input, layers);
    case 3: return multiply<3, 1>(input, layers);
    default: return multiply<4, 1>(input, layers);
  }
}

/** Of up to 16 rows; at most 2 units a pass. */
template <typename Layers>
__device__ __forceinline__ void multiply_16(const Input& input, const Layers& layers, int units) {
  return units == 1 ? multiply<1, 2>(input, layers) : multiply<2, 2>(input, layers);
}

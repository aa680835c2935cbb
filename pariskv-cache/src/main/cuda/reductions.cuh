// reductions.cuh -- part of pariskv.cuh: sums, maxima and scans of warps and blocks, and what chooses by them.
//
// All 32 lanes must take part. Every lane gets the same bits: a butterfly adds the same two halves on both sides.
// The order is fixed (distances 16, 8, 4, 2, 1), so a result depends on the data alone.
#pragma once

template <typename T, typename Op>
__device__ __forceinline__ T warp_reduce(T value, Op op) {
#pragma unroll
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    value = op(value, __shfl_xor_sync(FULL_WARP, value, distance));
  }
  return value;
}

struct Sum {
  template <typename T>
  __device__ __forceinline__ T operator()(T a, T b) const { return a + b; }
};

/** The larger; a NaN loses, as with fmaxf. */
struct Max {
  __device__ __forceinline__ float operator()(float a, float b) const { return fmaxf(a, b); }
  __device__ __forceinline__ int operator()(int a, int b) const { return max(a, b); }
};

template <typename T>
__device__ __forceinline__ T warp_sum(T value) { return warp_reduce(value, Sum()); }

template <typename T>
__device__ __forceinline__ T warp_max(T value) { return warp_reduce(value, Max()); }

/**
 * Adds up COUNT rows of OWN numbers a lane, both powers of two, over LANES neighbouring lanes: x[i][0] becomes the sum of
 * row lane * COUNT / LANES + i. Two lanes that have the same two rows to add give each other one of them, so that a sum
 * is made once. All 32 lanes must take part.
 */
template <int LANES, int OWN, int COUNT>
__device__ __forceinline__ void add_up(float (&x)[COUNT][OWN], int lane) {
  int left = COUNT;  // of a lane; known to the compiler, as the loops are unrolled
#pragma unroll
  for (int distance = LANES / 2; distance > 0; distance /= 2) {
    bool upper = (lane & distance) != 0;
    bool alone = left == 1;
    left = alone ? 1 : left / 2;
#pragma unroll
    for (int i = 0; i < left; i++) {
#pragma unroll
      for (int b = 0; b < OWN; b++) {
        float kept = alone || !upper ? x[i][b] : x[i + left][b];
        float given = alone || upper ? x[i][b] : x[i + left][b];
        x[i][b] = __fadd_rn(kept, __shfl_xor_sync(FULL_WARP, given, distance));
      }
    }
  }
#pragma unroll
  for (int half = OWN / 2; half > 0; half /= 2) {
#pragma unroll
    for (int i = 0; i < left; i++) {
#pragma unroll
      for (int b = 0; b < half; b++) {
        x[i][b] = __fadd_rn(x[i][b], x[i][b + half]);
      }
    }
  }
}

/**
 * Over all threads of a one-dimensional block of whole warps; every thread gets the result. `scratch` is WARP
 * elements of shared memory, free for reuse when the call returns.
 *
 * @param identity what changes nothing: 0 for a sum, -INFINITY for a maximum
 */
template <typename T, typename Op>
__device__ __forceinline__ T block_reduce(T value, T identity, T* scratch, Op op) {
  value = warp_reduce(value, op);
  if (lane_id() == 0) {
    scratch[warp_id()] = value;
  }
  __syncthreads();  // every warp's part is in scratch
  value = warp_reduce(lane_id() < warp_count() ? scratch[lane_id()] : identity, op);
  __syncthreads();  // every warp has read it: the caller may write scratch again
  return value;
}

template <typename T>
__device__ __forceinline__ T block_sum(T value, T* scratch) { return block_reduce(value, T(0), scratch, Sum()); }

__device__ __forceinline__ float block_max(float value, float* scratch) {
  return block_reduce(value, -INFINITY, scratch, Max());
}

/** The sum of the values of this lane and those before it. All 32 lanes must take part. */
template <typename T>
__device__ __forceinline__ T scan_through(T value) {
#pragma unroll
  for (int distance = 1; distance < WARP; distance *= 2) {
    T before = __shfl_up_sync(FULL_WARP, value, distance);
    value += lane_id() >= distance ? before : T(0);
  }
  return value;
}

/**
 * The sum of the values of all threads before this one in a one-dimensional block of whole warps; `total` becomes
 * the sum of all. `scratch` is WARP elements of shared memory, free for reuse when the call returns.
 */
template <typename T>
__device__ __forceinline__ T block_scan(T value, T* scratch, T& total) {
  T through = scan_through(value);
  if (lane_id() == WARP - 1) {
    scratch[warp_id()] = through;
  }
  __syncthreads();  // every warp's sum is in scratch
  T warps = scan_through(lane_id() < warp_count() ? scratch[lane_id()] : T(0));
  total = __shfl_sync(FULL_WARP, warps, WARP - 1);
  T earlier_warps = __shfl_sync(FULL_WARP, warps, (warp_id() + WARP - 1) % WARP);  // of warp 0 not used
  __syncthreads();  // every warp has read scratch: the caller may write it again
  return (warp_id() == 0 ? T(0) : earlier_warps) + through - value;
}

// ---- Choosing ---------------------------------------------------------------------------------------------------

/** Bits that ascend with scores, never 0: NaN counts as negative infinity, and there is one zero. */
__device__ __forceinline__ uint32_t ordered(float score) {
  uint32_t bits = __float_as_uint(isnan(score) ? -INFINITY : __fadd_rn(score, 0.0f));
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

/** The lowest `count` of the set bits, all if there are not so many, none if `count` is negative. */
__device__ __forceinline__ uint32_t lowest_bits(uint32_t bits, int count) {
  if (count <= 0) {
    return 0;
  }
  for (int excess = __popc(bits) - count; excess > 0; excess--) {
    bits ^= 1u << (31 - __clz(bits));
  }
  return bits;
}

/**
 * Adds and returns what was there; who adds later sees what this thread, and those that it met at a barrier before, had
 * written. Cheaper than fences on both sides, the second of which would wait for stores that are on their way.
 */
__device__ __forceinline__ int add_in_turn(int* sum, int value) {
  int before;
  asm volatile("atom.acq_rel.gpu.global.add.s32 %0, [%1], %2;"
               : "=r"(before)
               : "l"(__cvta_generic_to_global(sum)), "r"(value)
               : "memory");
  return before;
}

/**
 * Whether this block is the last of `blocks` to come here; it then sees what the others had written. All threads of
 * each block call it, once a launch. The ticket is 0 before and after.
 */
__device__ __forceinline__ bool is_last_block(int* ticket, int blocks) {
  __shared__ bool last;
  __syncthreads();  // the block's results are written
  if (threadIdx.x == 0) {
    last = add_in_turn(ticket, 1) == blocks - 1;
    if (last) {
      *ticket = 0;
    }
  }
  __syncthreads();  // thread 0 has decided
  return last;
}

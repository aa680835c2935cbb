// pariskv.cuh -- what every kernel file shares: where a thread is, wide loads, bf16, reductions.
//
// Included first by the unity file that build.sh writes, so each kernel file sees it at global scope and includes
// nothing else; a kernel that needs another CUDA header gets it by adding the #include here.
// Arithmetic that a contract fixes bit for bit is written with __fmul_rn, __fadd_rn, __fmaf_rn, __fdiv_rn and
// __fsqrt_rn: the compiler may contract a plain a * b + c into one fused operation.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

// ---- Where a thread is ----------------------------------------------------------------------------------------

constexpr int WARP = 32;
constexpr unsigned FULL_WARP = 0xffffffffu;

/** Lane of this thread in its warp, for blocks that are one-dimensional. */
__device__ __forceinline__ int lane_id() { return threadIdx.x % WARP; }

/** Warp of this thread in its block, for blocks that are one-dimensional. */
__device__ __forceinline__ int warp_id() { return threadIdx.x / WARP; }

/**
 * The same, known to the compiler as that of all lanes: what is made of it alone lies in uniform registers, and shared
 * memory is addressed without an addition. All 32 lanes must take part.
 */
__device__ __forceinline__ int uniform_warp_id() { return __shfl_sync(FULL_WARP, warp_id(), 0); }

/** Warps of a one-dimensional block; a partial one counts. */
__device__ __forceinline__ int warp_count() { return (blockDim.x + WARP - 1) / WARP; }

/** Index of this thread along x in the whole grid. 64 bits: rows times tokens times width passes 2^31. */
__device__ __forceinline__ int64_t global_x() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }

/** Threads along x in the whole grid, the stride of a grid-stride loop. */
__device__ __forceinline__ int64_t grid_x() { return int64_t(gridDim.x) * blockDim.x; }

// ---- Overlap with the kernel before ------------------------------------------------------------------------------
// A kernel that is launched `overlapped()` may begin before the one before it in the stream has ended (programmatic
// dependent launch, from sm_90 on). Until await_previous() it may only touch what no kernel of the step writes: weights,
// addresses, its own shared memory. Every thread of every block calls it before it ends, so that whoever waits for this
// kernel has waited for all before it. Older GPUs run one kernel after the other, and these do nothing.
// What kernels of the step write is read by plain loads (or __ldcg, or atomics): the read-only path, load128 and __ldg,
// is for what stays as it is while the kernel runs, and with overlap a kernel runs before its input is written.

/** Returns when all kernels before have ended and what they wrote can be seen. */
__device__ __forceinline__ void await_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/** Lets the next kernel begin when all blocks have called this or ended. Call it after await_previous(). */
__device__ __forceinline__ void release_next() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

template <typename T>
__host__ __device__ __forceinline__ constexpr T ceil_div(T a, T b) { return (a + b - 1) / b; }

// ---- Slabs of tokens: io.pariskv.memory.TokenSlabs --------------------------------------------------------------

constexpr int SLAB_SHIFT = 10;
constexpr int SLAB_TOKENS = 1 << SLAB_SHIFT;

/** Slab that holds token position `token`. */
__device__ __forceinline__ int slab_index(int token) { return token >> SLAB_SHIFT; }

/** Elements from the start of its slab, [outer][SLAB_TOKENS][width], to row `row`, position `token`. */
__device__ __forceinline__ int64_t slab_offset(int row, int token, int width) {
  return ((int64_t(row) << SLAB_SHIFT) + (token & (SLAB_TOKENS - 1))) * width;
}

// ---- 128-bit loads and stores; addresses must be 16-byte aligned ------------------------------------------------

/** 16 bytes that this kernel does not write, through the read-only path. */
__device__ __forceinline__ uint4 load128(const void* address) {
  return __ldg(static_cast<const uint4*>(address));
}

/** The same for bytes read once, such as ids or rows of a long context: evicted first, so that L2 keeps the rest. */
__device__ __forceinline__ uint4 load128_once(const void* address) {
  return __ldcs(static_cast<const uint4*>(address));
}

/** Has bytes brought to L2, a multiple of 16; on GPUs older than compute capability 9.0 it does nothing. */
__device__ __forceinline__ void prefetch(const void* address, int bytes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(__cvta_generic_to_global(address)), "r"(bytes)
               : "memory");
#endif
}

__device__ __forceinline__ void store128(void* address, uint4 value) {
  *static_cast<uint4*>(address) = value;
}

/** Whether 16 bytes can be loaded or stored here at once. */
__device__ __forceinline__ bool aligned128(const void* address) {
  return reinterpret_cast<uintptr_t>(address) % sizeof(uint4) == 0;
}

// ---- bf16: the upper half of a float ----------------------------------------------------------------------------

/** Exact. */
__device__ __forceinline__ float bf16_to_float(uint16_t bits) { return __uint_as_float(uint32_t(bits) << 16); }

/** To the nearest, ties to even; the same bits as Bf16.fromFloat except that every NaN becomes 0x7fff. */
__device__ __forceinline__ uint16_t float_to_bf16(float value) {
  return __bfloat16_as_ushort(__float2bfloat16_rn(value));
}

/** Lower half of a pair. */
__device__ __forceinline__ float bf16_low(uint32_t pair) { return __uint_as_float(pair << 16); }

/** Upper half of a pair. */
__device__ __forceinline__ float bf16_high(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }

/** Eight neighbouring bf16 as floats, in the order of their addresses. */
__device__ __forceinline__ void unpack_bf16(uint4 packed, float (&out)[8]) {
  out[0] = bf16_low(packed.x);
  out[1] = bf16_high(packed.x);
  out[2] = bf16_low(packed.y);
  out[3] = bf16_high(packed.y);
  out[4] = bf16_low(packed.z);
  out[5] = bf16_high(packed.z);
  out[6] = bf16_low(packed.w);
  out[7] = bf16_high(packed.w);
}

/** Two floats as a pair of bf16, `low` at the lower address. */
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
  __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);  // one instruction for both
  return *reinterpret_cast<uint32_t*>(&pair);
}

/** Eight floats as neighbouring bf16. */
__device__ __forceinline__ uint4 pack_bf16(const float (&in)[8]) {
  return make_uint4(pack_bf16(in[0], in[1]), pack_bf16(in[2], in[3]), pack_bf16(in[4], in[5]),
                    pack_bf16(in[6], in[7]));
}

// ---- Reductions -------------------------------------------------------------------------------------------------
// All 32 lanes must take part. Every lane gets the same bits: a butterfly adds the same two halves on both sides.
// The order is fixed (distances 16, 8, 4, 2, 1), so a result depends on the data alone.

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

/**
 * The sum of the values of all threads before this one in a one-dimensional block of whole warps; `total` becomes
 * the sum of all. `scratch` is WARP elements of shared memory, free for reuse when the call returns.
 */
template <typename T>
__device__ __forceinline__ T block_scan(T value, T* scratch, T& total) {
  T through = value;  // sum of this lane and those before it
#pragma unroll
  for (int distance = 1; distance < WARP; distance *= 2) {
    T before = __shfl_up_sync(FULL_WARP, through, distance);
    through += lane_id() >= distance ? before : T(0);
  }
  if (lane_id() == WARP - 1) {
    scratch[warp_id()] = through;
  }
  __syncthreads();  // every warp's sum is in scratch
  T warps = lane_id() < warp_count() ? scratch[lane_id()] : T(0);
#pragma unroll
  for (int distance = 1; distance < WARP; distance *= 2) {
    T before = __shfl_up_sync(FULL_WARP, warps, distance);
    warps += lane_id() >= distance ? before : T(0);
  }
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

// ---- What builds on these ---------------------------------------------------------------------------------------

#include "tensor_cores.cuh"
#include "kv_rows.cuh"
#include "key_summaries.cuh"
#include "attended_rows.cuh"
#include "attention.cuh"
#include "shares.cuh"
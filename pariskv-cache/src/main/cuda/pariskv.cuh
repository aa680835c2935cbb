// pariskv.cuh -- what every kernel file shares: where a thread is, wide loads, bf16; at the end what builds on these.
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

/** The same of a long row that is read on: L2 fetches the 256 bytes around it. */
__device__ __forceinline__ uint4 load128_stream(const void* address) {
  uint4 value;
  asm volatile("ld.global.L1::no_allocate.L2::256B.v4.u32 {%0, %1, %2, %3}, [%4];"
      : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
      : "l"(address));
  return value;
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

// ---- What builds on these ---------------------------------------------------------------------------------------

#include "reductions.cuh"
#include "tensor_cores.cuh"
#include "kv_rows.cuh"
#include "key_summaries.cuh"
#include "attended_rows.cuh"
#include "attention.cuh"
#include "shares.cuh"
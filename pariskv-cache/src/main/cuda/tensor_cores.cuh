// tensor_cores.cuh -- products of bf16 matrices on tensor cores (compute capability 8.0), by whole warps
//
// A kernel keeps factors in shared memory as rows of bf16, `stride` numbers apart and 16-byte aligned; a stride that is
// an odd multiple of 8 spreads the eight rows that are read at a time over all banks. Results stay in registers. How a
// matrix is spread over lanes: PTX manual, fragments of mma.m16n8k16.
#pragma once

// ---- Instructions -----------------------------------------------------------------------------------------------

/** An address in shared memory, as instructions take it. */
__device__ __forceinline__ uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

/** Starts a copy of 16 bytes to shared memory, or of zeros if not `valid`; both addresses 16-byte aligned. */
__device__ __forceinline__ void copy_async(uint32_t target, const void* source, bool valid) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(target),
               "l"(__cvta_generic_to_global(source)), "r"(valid ? 16 : 0)
               : "memory");
}

/** Waits for all copies that this thread started; a barrier must follow before others' are read. */
__device__ __forceinline__ void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/** Ends a group of this thread's copies, which may be empty. */
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/** Waits for all groups of copies of this thread but the last one; a barrier must follow before others' are read. */
__device__ __forceinline__ void wait_for_earlier_copies() { asm volatile("cp.async.wait_group 1;" ::: "memory"); }

/** Four 8 x 8 matrices of 16 bits; lane l gives the address of row l % 8 of matrix l / 8. */
__device__ __forceinline__ void load_matrices(uint32_t (&m)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(row)
               : "memory");
}

/** The same, each matrix transposed. */
__device__ __forceinline__ void load_matrices_transposed(uint32_t (&m)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(row)
               : "memory");
}

// mma.sync m16n8k16 adds to c [16][8] the product of a [16][16] and the transpose of b [8][16], both bf16, in f32. With
// quad = lane / 4 and t = lane % 4 a lane has, two neighbours at a time,
//   of a: columns 2t and 2t + 8 on, in rows quad and quad + 8
//   of b: columns 2t and 2t + 8 on, in row quad
//   of c: columns 2t and 2t + 1 of row quad, then of row quad + 8
// Columns of a and b are summed over, so any order of them serves that is the same in both.

__device__ __forceinline__ void mma_bf16(float (&c)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                                         uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

/**
 * The same over 32 columns, from plain 16-byte loads: a lane brings columns 8t to 8t + 7 of its rows. No shuffle, no
 * ldmatrix: the four pairs of a load stand for the columns that the two products want.
 *
 * @param upper of row quad of a
 * @param lower of row quad + 8 of a
 * @param b of row quad of b
 */
__device__ __forceinline__ void mma_bf16_32(float (&c)[4], uint4 upper, uint4 lower, uint4 b) {
  mma_bf16(c, upper.x, lower.x, upper.y, lower.y, b.x, b.y);
  mma_bf16(c, upper.z, lower.z, upper.w, lower.w, b.z, b.w);
}

/** Two floats as a pair of bf16 in one instruction, `low` at the lower address. */
__device__ __forceinline__ uint32_t round_pair(float low, float high) {
  uint32_t y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}

/** 2^x, within two units in the last place; 0 below the normal numbers. */
__device__ __forceinline__ float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// ---- Matrices of a warp -----------------------------------------------------------------------------------------

/** A warp's [16 * M][8 * N] results: a thread has rows lane / 4 + 8 * i for i < 2 * M, and 2 * N numbers of each. */
template <int M, int N>
using WarpMatrix = float[M][N][4];

/** Row of a thread's i-th row. */
__device__ __forceinline__ int matrix_row(int i) { return 8 * i + lane_id() / 4; }

/** Column of a thread's number j of a row; an even j and the next are neighbours. */
__device__ __forceinline__ int matrix_column(int j) { return j / 2 * 8 + lane_id() % 4 * 2 + j % 2; }

/** A thread's number j of its i-th row. */
template <int M, int N>
__device__ __forceinline__ float& number(WarpMatrix<M, N>& matrix, int i, int j) {
  return matrix[i / 2][j / 2][i % 2 * 2 + j % 2];
}

/** c += a b^T with a [16 * M][K] and b [8 * N][K] in shared memory. */
template <int K, int M, int N>
__device__ __forceinline__ void multiply_transposed(WarpMatrix<M, N>& c, uint32_t a, uint32_t b, int stride) {
  int lane = lane_id();
  a += (lane % 16 * stride + lane / 16 * 8) * 2;                     // left and right halves, each of 16 rows
  b += ((lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8) * 2;  // two times left and right of 8 rows
#pragma unroll
  for (int k = 0; k < K; k += 16) {
    uint32_t left[M][4];
#pragma unroll
    for (int m = 0; m < M; m++) {
      load_matrices(left[m], a + (m * 16 * stride + k) * 2);
    }
#pragma unroll
    for (int n = 0; n < N; n += 2) {
      uint32_t right[4];
      load_matrices(right, b + (n * 8 * stride + k) * 2);
#pragma unroll
      for (int m = 0; m < M; m++) {
        mma_bf16(c[m][n], left[m][0], left[m][1], left[m][2], left[m][3], right[0], right[1]);
        mma_bf16(c[m][n + 1], left[m][0], left[m][1], left[m][2], left[m][3], right[2], right[3]);
      }
    }
  }
}

/** c += a b with a rounded to bf16, and b [8 * K][8 * N] in shared memory. */
template <int M, int N, int K>
__device__ __forceinline__ void multiply_rounded(WarpMatrix<M, N>& c, const WarpMatrix<M, K>& a, uint32_t b,
                                                 int stride) {
  b += (lane_id() % 16 * stride + lane_id() / 16 * 8) * 2;  // left and right halves, each of 16 rows
#pragma unroll
  for (int k = 0; k < K; k += 2) {
    uint32_t left[M][4];  // a result is spread over lanes as a left factor is
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const float* x = &a[m][k + i / 2][i % 2 * 2];
        left[m][i] = round_pair(x[0], x[1]);
      }
    }
#pragma unroll
    for (int n = 0; n < N; n += 2) {
      uint32_t right[4];
      load_matrices_transposed(right, b + (k * 8 * stride + n * 8) * 2);
#pragma unroll
      for (int m = 0; m < M; m++) {
        mma_bf16(c[m][n], left[m][0], left[m][1], left[m][2], left[m][3], right[0], right[1]);
        mma_bf16(c[m][n + 1], left[m][0], left[m][1], left[m][2], left[m][3], right[2], right[3]);
      }
    }
  }
}

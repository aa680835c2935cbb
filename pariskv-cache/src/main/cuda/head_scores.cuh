// head_scores.cuh -- the arithmetic of retrieve.HeadScores. Without a guard: each file that needs it has it in its
// namespace.

constexpr int ONE = 1 << 23;  // of a logarithm

/** A weight's logarithm before it is normalised, in 2^-23; `largest` is the largest estimate. */
__device__ __forceinline__ int logarithm(float estimate, float largest, float to_octaves) {
  float z = __fmul_rn(__fsub_rn(estimate, largest), to_octaves);
  return z > -126.0f ? __float2int_rz(__fmul_rn(z, 0x1p23f)) : -126 * ONE;
}

/** What a candidate adds to the whole number that normalises. */
__device__ __forceinline__ int addend(int logarithm) {
  return (ONE | (logarithm & (ONE - 1))) >> min(31, -(logarithm >> 23));
}

/** The logarithm of the sum of all addends. */
__device__ __forceinline__ int logarithm_of(long long sum) { return __float_as_int(__ll2float_rn(sum)) - 150 * ONE; }

/** A weight, if there is a sum. */
__device__ __forceinline__ float weight(int logarithm, int of_sum) {
  return __int_as_float(max(0, 127 * ONE + logarithm - of_sum));
}

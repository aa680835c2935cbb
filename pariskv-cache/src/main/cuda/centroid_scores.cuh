// centroid_scores.cuh -- the arithmetic of retrieve.CentroidScores. Without a guard: each file that needs it has it in
// its namespace.

/** The sum of four coordinates, minus those whose bit in `signs` is clear, in the order of the contract. */
__device__ __forceinline__ float signed_half(float4 p, int signs) {
  float sum = __fadd_rn(signs & 1 ? p.x : -p.x, signs & 2 ? p.y : -p.y);
  sum = __fadd_rn(sum, signs & 4 ? p.z : -p.z);
  return __fadd_rn(sum, signs & 8 ? p.w : -p.w);
}

/** The score of centroid `id` of a subspace. */
__device__ __forceinline__ float signed_score(float4 low, float4 high, int id) {
  return __fadd_rn(signed_half(low, id & 15), signed_half(high, id >> 4));
}

/**
 * The largest score of a subspace with these coordinates: that of the centroid with their signs. Rounding keeps the order of
 * sums, so no other is larger. Infinite if one is NaN.
 */
__device__ __forceinline__ float largest_score(const float (&y)[SUBSPACE_DIM]) {
  float4 low = make_float4(fabsf(y[0]), fabsf(y[1]), fabsf(y[2]), fabsf(y[3]));
  float4 high = make_float4(fabsf(y[4]), fabsf(y[5]), fabsf(y[6]), fabsf(y[7]));
  float score = signed_score(low, high, CENTROIDS - 1);
  return isnan(score) ? INFINITY : score;
}

/** What scores are multiplied by, 0 if they are not usable; `largest` is that of all centroids of the KV head, infinite if one is NaN. */
__device__ __forceinline__ float score_inverse(float largest) {
  bool usable = largest >= 0x1p-100f && largest < INFINITY;
  return usable ? __fdiv_rn(float(SCORE_LEVELS), largest) : 0.0f;
}

/** A score as a byte. Added to 1.5 * 2^23, a number is rounded to a whole one, which is in the lowest bits. */
__device__ __forceinline__ uint32_t score_byte(float score, float inverse) {
  uint32_t bits = __float_as_uint(__fadd_rn(__fmul_rn(score, inverse), 0x1.8p23f + SCORE_BIAS));
  return inverse > 0.0f ? bits & 255 : SCORE_BIAS;
}

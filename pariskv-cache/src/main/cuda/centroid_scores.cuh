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

/** A score as a byte; `largest` is that of all centroids of the KV head, infinite if one is NaN. */
__device__ __forceinline__ uint8_t score_byte(float score, float largest) {
  bool usable = largest >= 0x1p-100f && largest < INFINITY;
  return usable ? SCORE_BIAS + __float2int_rn(__fmul_rn(score, __fdiv_rn(float(SCORE_LEVELS), largest))) : SCORE_BIAS;
}

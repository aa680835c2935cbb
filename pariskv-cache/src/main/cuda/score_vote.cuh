// score_vote.cuh -- the arithmetic of retrieve.ScoreVote. Without a guard: each file that needs it has it in its
// namespace.

/** Where the votes of a KV head begin; `centres` is the address of centres and floors of a layer. */
__device__ __forceinline__ int vote_floor(uint64_t centres, int head, int kv_heads, int subspaces) {
  const float* after = reinterpret_cast<const float*>(centres) + kv_heads * subspaces * SUBSPACE_DIM;
  return reinterpret_cast<const int*>(after)[head];
}

/** @param sum of the scores of a key's centroids, without their bias */
__device__ __forceinline__ uint8_t score_to_vote(int sum, float norm, int floor) {
  float x = __fmul_rn(float(sum), norm);
  int above = (__float_as_int(x) - floor) >> 18;
  return sum <= 0 ? 0 : min(max(above, 0), 255);
}

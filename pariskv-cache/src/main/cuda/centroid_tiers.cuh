// centroid_tiers.cuh -- what centroid_tiers.cu and retrieval_table.cu share. Without a guard: each needs it in its
// namespace.
//
// What decides a centroid's weight is how many keys are in better ones, so nothing is sorted: every thread compares its
// score with all others and adds the populations of the better ones. These are counts below 2^24, exact as floats, so
// that they are added by the pipe that the comparisons leave idle, and in any order.

constexpr int QUADS = CENTROIDS / 4;

/** The sum of four coordinates, minus those whose bit in `signs` is clear, in the order of the contract. */
__device__ __forceinline__ float half_score(float4 p, int signs) {
  float sum = __fadd_rn(signs & 1 ? p.x : -p.x, signs & 2 ? p.y : -p.y);
  sum = __fadd_rn(sum, signs & 4 ? p.z : -p.z);
  return __fadd_rn(sum, signs & 8 ? p.w : -p.w);
}

/** The score of centroid `id` for a query block of 8 coordinates; a NaN is the worst. */
__device__ __forceinline__ float centroid_score(float4 low, float4 high, int id) {
  float score = __fadd_rn(half_score(low, id & 15), half_score(high, id >> 4));
  return isnan(score) ? -INFINITY : score;
}

/** Keys in those centroids 4 * from to 4 * to - 1 that are better, as `better(score, id)` tells. */
template <typename Better>
__device__ __forceinline__ float keys_in(const float4* scores, const float4* populations, int from, int to,
                                         Better better) {
  float4 keys = make_float4(0, 0, 0, 0);
#pragma unroll 4
  for (int quad = from; quad < to; quad++) {
    float4 s = scores[quad];
    float4 p = populations[quad];
    keys.x = fmaf(better(s.x, 4 * quad) ? 1.0f : 0.0f, p.x, keys.x);
    keys.y = fmaf(better(s.y, 4 * quad + 1) ? 1.0f : 0.0f, p.y, keys.y);
    keys.z = fmaf(better(s.z, 4 * quad + 2) ? 1.0f : 0.0f, p.z, keys.z);
    keys.w = fmaf(better(s.w, 4 * quad + 3) ? 1.0f : 0.0f, p.w, keys.w);
  }
  return (keys.x + keys.y) + (keys.z + keys.w);
}

/**
 * Keys in those centroids 4 * from to 4 * to - 1 that are better than centroid `id` with `score`. Neighbouring
 * threads have neighbouring ids: those of a warp are all in [from, to) or all outside.
 */
__device__ __forceinline__ float keys_before(const float4* scores, const float4* populations, int id, float score,
                                             int from, int to) {
  // Ties go to the lower id: those of lower warps win them, those of higher warps lose them.
  int own = min(max(id / WARP * (WARP / 4), from), to);
  int end = min(max((id / WARP + 1) * (WARP / 4), from), to);
  return keys_in(scores, populations, from, own, [=](float other, int) { return other >= score; }) +
         keys_in(scores, populations, own, end,
                 [=](float other, int i) { return (other > score) | ((other == score) & (i < id)); }) +
         keys_in(scores, populations, end, to, [=](float other, int) { return other > score; });
}

/** The weight of a centroid with so many keys in better ones; `limits` are those of a budget. */
__device__ __forceinline__ int tier_weight(int before, const int* limits) {
  int weight = 0;
#pragma unroll
  for (int tier = 5; tier >= 0; tier--) {  // the first limit that holds, so the last that is written
    weight = before < limits[tier] ? 6 - tier : weight;
  }
  return weight;
}

// centroid_tiers.cuh -- what centroid_tiers.cu and retrieval_table.cu share. Without a guard: each needs it in its
// namespace.
//
// What decides a centroid's weight is how many keys are in better ones, so nothing is sorted: each is compared with all
// 256, and the populations of the better ones are added. These are counts below 2^24, exact as floats, so that they are
// added by the pipe that comparisons leave idle, and in any order. A lane has OWN neighbours and their populations in
// registers; a warp weighs OWN centroids at a time, each against all lanes' own, and then adds the lanes' counts up. So
// a comparison and an addition are all that a pair costs: nothing is loaded for it.

#include "centroid_scores.cuh"

constexpr int OWN = CENTROIDS / WARP;  // centroids of a lane, from OWN * lane on

/** What a lane has of a subspace. */
struct Own {
  float populations[OWN];
  uint32_t scores[OWN];  // bits that ascend with them
};

/** Loads the populations of the lane's centroids; `counts` are those of a subspace. */
__device__ __forceinline__ void load_populations(const int* counts, Own& own) {
#pragma unroll
  for (int j = 0; j < OWN; j += 4) {
    int4 four = *reinterpret_cast<const int4*>(counts + OWN * lane_id() + j);
    own.populations[j] = float(four.x);
    own.populations[j + 1] = float(four.y);
    own.populations[j + 2] = float(four.z);
    own.populations[j + 3] = float(four.w);
  }
}

/** Scores the lane's centroids for a query block of 8 coordinates; a NaN is the worst. */
__device__ __forceinline__ void score_centroids(float4 low, float4 high, Own& own) {
#pragma unroll
  for (int j = 0; j < OWN; j++) {
    int id = OWN * lane_id() | j;
    own.scores[j] = ordered(signed_score(low, high, id));
  }
}

/** Keys in better centroids than number OWN * group + lane * OWN / WARP. All 32 lanes must take part. */
__device__ __forceinline__ int keys_before(const Own& own, int group) {
  float before[OWN][1] = {};
#pragma unroll
  for (int i = 0; i < OWN; i++) {
    uint32_t score = __shfl_sync(FULL_WARP, own.scores[i], group);
    // Ties go to the lower id: a centroid before this one need not be above its score. Bits are never 0.
    uint32_t from_i = score - (lane_id() < group);
    uint32_t before_i = score - (lane_id() <= group);
#pragma unroll
    for (int j = 0; j < OWN; j++) {
      if (own.scores[j] > (j < i ? before_i : from_i)) {
        before[i][0] += own.populations[j];
      }
    }
  }
  add_up<WARP>(before, lane_id());
  return int(before[0][0]);
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

/** Weighs all centroids of a subspace; the block's warps share them evenly. */
__device__ __forceinline__ void store_tiers(const Own& own, const int* limits, uint8_t* tiers) {
  for (int group = warp_id(); group < WARP; group += warp_count()) {
    int weight = tier_weight(keys_before(own, group), limits);
    if (lane_id() % (WARP / OWN) == 0) {
      tiers[OWN * group + lane_id() / (WARP / OWN)] = uint8_t(weight);
    }
  }
}

// score_query.cuh -- what retrieval_score_vote.cu and retrieval_head_vote.cu share: the query of a table of scores. Without
// a guard: each needs it in its namespace.

#include "centroid_scores.cuh"
#include "query_blocks.cuh"

constexpr int MAX_SUBSPACES = 32;

/** A query, rotated. */
struct Query {
  float4 blocks[2 * MAX_SUBSPACES];
  float inverse;  // what its scores are multiplied by
};

/** The score of a centroid as a byte. */
__device__ __forceinline__ uint32_t score_of(const Query& query, int subspace, int id) {
  const float4* block = query.blocks + 2 * subspace;
  return score_byte(signed_score(block[0], block[1], id), query.inverse);
}

/**
 * A warp makes the query that is the mean of a group's; the first block of a head leaves it in `blocks`, [headDim], for
 * the estimates. The largest score of a subspace is that of the centroid with the query's signs.
 */
template <int SUBSPACES>
__device__ __forceinline__ void make_query(const float* q, int group, float scale, float* blocks, Query& query) {
  int subspace = lane_id() % SUBSPACES;
  float y[SUBSPACE_DIM] = {};
  group_mean(q + subspace * SUBSPACE_DIM, group, SUBSPACES * SUBSPACE_DIM, y);
  rotate_scaled(y, SUBSPACES, scale);
  float inverse = score_inverse(warp_max(largest_score(y)));
  if (lane_id() < SUBSPACES) {
    store_block(reinterpret_cast<float*>(query.blocks + 2 * subspace), y);
    if (blockIdx.x == 0) {
      store_block(blocks + subspace * SUBSPACE_DIM, y);
    }
  }
  if (lane_id() == 0) {
    query.inverse = inverse;
  }
}

// centroid_scores.cu -- retrieve.CentroidScores: the scores of all centroids of a query as bytes
//
// A block has one KV head, a thread one centroid of every subspace. Bound by latency: some thousand additions.
// grid rows * kvHeads, block 256.
#include "pariskv.cuh"

#include "centroid_scores.cuh"

extern "C" __global__ void __launch_bounds__(CENTROIDS)
    centroid_scores(const float* blocks,  // [heads][subspaces][8], heads being rows times KV heads
                    uint8_t* table,       // [heads][subspaces][256]
                    int subspaces) {
  __shared__ float scratch[WARP];
  const float4* p = reinterpret_cast<const float4*>(blocks) + int64_t(blockIdx.x) * subspaces * 2;
  float largest = -INFINITY;
  bool nan = false;
  for (int b = 0; b < subspaces; b++) {
    float score = signed_score(p[2 * b], p[2 * b + 1], threadIdx.x);
    nan |= isnan(score);
    largest = fmaxf(largest, score);
  }
  float inverse = score_inverse(block_max(nan ? INFINITY : largest, scratch));
  for (int b = 0; b < subspaces; b++) {
    float score = signed_score(p[2 * b], p[2 * b + 1], threadIdx.x);
    table[(int64_t(blockIdx.x) * subspaces + b) * CENTROIDS + threadIdx.x] = score_byte(score, inverse);
  }
}

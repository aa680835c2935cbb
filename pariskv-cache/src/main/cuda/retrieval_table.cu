// retrieval_table.cu -- retrieve.QueryBlocks and retrieve.CentroidTiers in one launch, the first part of the fused
// retrieval: what a vote looks up.
//
// A block has one subspace of one KV head. Its first warp rotates the whole mean, some KiB, and keeps 8 coordinates;
// meanwhile the last warps fetch the populations. A thread then compares one centroid with a quarter of all. Bound by
// the latency of loads that wait for each other: slot, budget and address, populations.
// grid rows * kvHeads * subspaces, block 1024.
#include "pariskv.cuh"

#include "centroid_tiers.cuh"
#include "query_blocks.cuh"

constexpr int PARTS = 4;  // of the centroids that one is compared with
constexpr int BLOCK = PARTS * CENTROIDS;

extern "C" __global__ void __launch_bounds__(BLOCK)
    retrieval_table(const float* q,                    // [rows][kvHeads][group][headDim]
                    const uint64_t* population_table,  // [slots][layers] of [kvHeads][subspaces][256] i32
                    const int* budgets,                // [slots][BUDGET_FIELDS]
                    const int* slots,                  // [rows]
                    float* blocks,                     // [rows][kvHeads][headDim]
                    uint8_t* tiers,                    // [rows][kvHeads][subspaces][256]
                    int layer, int layers, int kv_heads, int group, int subspaces, float scale) {
  __shared__ float4 own[2];  // this block's 8 coordinates
  __shared__ float4 scores[QUADS];
  __shared__ float4 populations[QUADS];
  __shared__ float keys[PARTS][CENTROIDS];
  await_previous();
  release_next();
  int head = int(blockIdx.x) / subspaces;
  int subspace = int(blockIdx.x) % subspaces;
  int slot = slots[head / kv_heads];
  if (warp_id() == 0) {
    int64_t width = subspaces * SUBSPACE_DIM;
    float y[SUBSPACE_DIM] = {};
    group_mean(q + head * group * width + lane_id() % subspaces * SUBSPACE_DIM, group, width, y);
    rotate_scaled(y, subspaces, scale);
    if (lane_id() == subspace) {
      store_block(reinterpret_cast<float*>(own), y);
      store_block(blocks + int64_t(blockIdx.x) * SUBSPACE_DIM, y);
    }
  }
  const int* budget = budgets + slot * BUDGET_FIELDS;
  if (budget[0] == 0) {  // no keys, no populations: all threads of the block see it
    return;
  }
  int id = int(threadIdx.x) % CENTROIDS;
  int part = int(threadIdx.x) / CENTROIDS;
  if (part == PARTS - 1) {
    const int* counts = reinterpret_cast<const int*>(population_table[int64_t(slot) * layers + layer]) +
                        (head % kv_heads * subspaces + subspace) * CENTROIDS;
    reinterpret_cast<float*>(populations)[id] = float(counts[id]);
  }
  __syncthreads();  // the query block and the populations are there
  float score = centroid_score(own[0], own[1], id);
  if (part == 0) {
    reinterpret_cast<float*>(scores)[id] = score;
  }
  __syncthreads();  // all scores are there
  keys[part][id] =
      keys_before(scores, populations, id, score, part * (QUADS / PARTS), (part + 1) * (QUADS / PARTS));
  __syncthreads();  // all parts are counted
  if (part == 0) {
    float before = (keys[0][id] + keys[1][id]) + (keys[2][id] + keys[3][id]);
    tiers[int64_t(blockIdx.x) * CENTROIDS + id] = tier_weight(int(before), budget + 3);
  }
}

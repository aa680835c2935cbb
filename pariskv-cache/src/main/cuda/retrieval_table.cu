// retrieval_table.cu -- retrieve.QueryBlocks and retrieve.CentroidTiers in one launch, the first part of the fused
// retrieval: what a vote looks up.
//
// A block has one subspace of one KV head. Its first warp rotates the whole mean, some KiB, and keeps 8 coordinates; all
// warps then weigh centroids as centroid_tiers.cuh says. Blocks are small, so that those of the vote have room beside
// them and load ids meanwhile.
// Bound by the latency of its loads. Only the query comes from the kernel before: what else it reads, budgets, slots and
// populations, no kernel of a step writes, so that is loaded before the wait.
// grid rows * kvHeads * subspaces, block 256.
#include "pariskv.cuh"

#include "centroid_tiers.cuh"
#include "query_blocks.cuh"

constexpr int BLOCK = 256;
constexpr int LIMITS = BUDGET_FIELDS - 3;

extern "C" __global__ void __launch_bounds__(BLOCK)
    retrieval_table(const float* q,                    // [rows][kvHeads][group][headDim]
                    const uint64_t* population_table,  // [slots][layers] of [kvHeads][subspaces][256] i32
                    const int* budgets,                // [slots][BUDGET_FIELDS]
                    const int* slots,                  // [rows]
                    float* blocks,                     // [rows][kvHeads][headDim]
                    uint8_t* tiers,                    // [rows][kvHeads][subspaces][256]
                    int layer, int layers, int kv_heads, int group, int subspaces, float scale) {
  __shared__ float4 query[2];  // this block's 8 coordinates
  int head = int(blockIdx.x) / subspaces;
  int subspace = int(blockIdx.x) % subspaces;
  int slot = slots[head / kv_heads];
  const int* budget = budgets + slot * BUDGET_FIELDS;
  bool empty = budget[0] == 0;  // no keys, no populations: all threads of the block see it
  int limits[LIMITS];
  Own own;
  if (!empty) {
#pragma unroll
    for (int i = 0; i < LIMITS; i++) {
      limits[i] = budget[3 + i];
    }
    const int* counts = reinterpret_cast<const int*>(population_table[int64_t(slot) * layers + layer]);
    load_populations(counts + (head % kv_heads * subspaces + subspace) * CENTROIDS, own);
  }
  await_previous();
  release_next();
  if (warp_id() == 0) {
    int64_t width = subspaces * SUBSPACE_DIM;
    float y[SUBSPACE_DIM] = {};
    group_mean(q + head * group * width + lane_id() % subspaces * SUBSPACE_DIM, group, width, y);
    rotate_scaled(y, subspaces, scale);
    if (lane_id() == subspace) {
      store_block(reinterpret_cast<float*>(query), y);
      store_block(blocks + int64_t(blockIdx.x) * SUBSPACE_DIM, y);
    }
  }
  if (empty) {
    return;
  }
  __syncthreads();  // the query block is there
  score_centroids(query[0], query[1], own);
  store_tiers(own, limits, tiers + int64_t(blockIdx.x) * CENTROIDS);
}

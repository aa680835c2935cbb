// centroid_tiers.cu -- stage 5b: the tier weight of each centroid, exactly as io.pariskv.retrieve.CentroidTiers says.
//
// A block has one subspace, a thread one centroid. Bound by the latency of four loads that wait for each other, and by
// the 65,536 comparisons of a block, less than a microsecond.
// grid rows * kvHeads * subspaces, block 256.
#include "pariskv.cuh"

#include "centroid_tiers.cuh"

extern "C" __global__ void __launch_bounds__(CENTROIDS)
    centroid_tiers(const uint64_t* population_table,  // [slots][layers] of [kvHeads][subspaces][256] i32
                   const int* budgets,                // [slots][BUDGET_FIELDS]
                   const int* slots,                  // [rows]
                   const float* blocks,               // [rows][kvHeads][subspaces][8]
                   uint8_t* tiers,                    // [rows][kvHeads][subspaces][256]
                   int layer, int layers,
                   int blocks_of_row) {               // kvHeads * subspaces
  __shared__ float4 scores[QUADS];
  __shared__ float4 populations[QUADS];
  int id = threadIdx.x;
  const float4* p = reinterpret_cast<const float4*>(blocks) + int64_t(blockIdx.x) * 2;
  float score = centroid_score(p[0], p[1], id);
  int slot = slots[blockIdx.x / blocks_of_row];
  const int* budget = budgets + slot * BUDGET_FIELDS;
  if (budget[0] == 0) {  // no keys, no populations; nobody reads these tiers
    return;
  }
  const int* counts = reinterpret_cast<const int*>(population_table[int64_t(slot) * layers + layer]) +
                      blockIdx.x % blocks_of_row * CENTROIDS;
  reinterpret_cast<float*>(scores)[id] = score;
  reinterpret_cast<float*>(populations)[id] = float(counts[id]);
  __syncthreads();  // all scores and populations are there
  float before = keys_before(scores, populations, id, score, 0, QUADS);
  tiers[int64_t(blockIdx.x) * CENTROIDS + id] = tier_weight(int(before), budget + 3);
}

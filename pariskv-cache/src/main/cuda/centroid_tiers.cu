// centroid_tiers.cu -- stage 5b: the tier weight of each centroid, exactly as io.pariskv.retrieve.CentroidTiers says.
//
// A block has one subspace. Bound by the latency of four loads that wait for each other, and by the 65,536 comparisons of
// a block, less than a microsecond.
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
  int slot = slots[blockIdx.x / blocks_of_row];
  const int* budget = budgets + slot * BUDGET_FIELDS;
  if (budget[0] == 0) {  // no keys, no populations; nobody reads these tiers
    return;
  }
  const int* counts = reinterpret_cast<const int*>(population_table[int64_t(slot) * layers + layer]);
  const float4* p = reinterpret_cast<const float4*>(blocks) + int64_t(blockIdx.x) * 2;
  Own own;
  load_populations(counts + blockIdx.x % blocks_of_row * CENTROIDS, own);
  score_centroids(p[0], p[1], own);
  store_tiers(own, budget + 3, tiers + int64_t(blockIdx.x) * CENTROIDS);
}

// score_vote.cu -- retrieve.ScoreVote: votes[key] = its coarse score on a logarithmic scale
//
// The plain kernel, which the fused one is compared with: a thread has one key at a time and looks its centroids up in
// a table in shared memory, where lanes meet in banks.
// grid (blocks a head, rows * kvHeads), block 256, dynamic shared memory 256 bytes a subspace.
#include "pariskv.cuh"

#include "score_vote.cuh"

extern "C" __global__ void __launch_bounds__(256)
    score_vote(const uint64_t* id_table,      // [slots][layers][MAX_SLABS]
               const uint64_t* norm_table,    // [slots][layers][MAX_SLABS]
               const uint64_t* centre_table,  // [slots][layers] of centres [kvHeads][headDim] and floors [kvHeads]
               int layer, int layers,
               const int* slots,              // [rows]
               const int* budgets,            // [slots][BUDGET_FIELDS]
               const uint8_t* scores,         // [rows][kvHeads][subspaces][256]
               uint8_t* votes,                // [rows][kvHeads][capacity]
               int64_t capacity, int kv_heads, int subspaces) {
  extern __shared__ uint8_t table[];
  int slot = slots[blockIdx.y / kv_heads];
  int head = blockIdx.y % kv_heads;
  int keys = int(min(int64_t(budgets[slot * BUDGET_FIELDS]), capacity));
  if (keys == 0) {
    return;  // no summaries, no floors
  }
  for (int i = threadIdx.x; i < subspaces * CENTROIDS; i += blockDim.x) {
    table[i] = scores[int64_t(blockIdx.y) * subspaces * CENTROIDS + i];
  }
  __syncthreads();  // the table is there
  const uint64_t* ids = index_slabs(id_table, slot, layer, layers);
  const uint64_t* norms = index_slabs(norm_table, slot, layer, layers);
  int floor = vote_floor(centre_table[int64_t(slot) * layers + layer], head, kv_heads, subspaces);
  for (int64_t key = global_x(); key < keys; key += grid_x()) {
    const uint8_t* id = reinterpret_cast<const uint8_t*>(ids[slab_index(key)]) + slab_offset(head, key, subspaces);
    uint16_t norm = reinterpret_cast<const uint16_t*>(norms[slab_index(key)])[slab_offset(head, key, 1)];
    int sum = 0;
    for (int b = 0; b < subspaces; b++) {
      sum += table[b * CENTROIDS + id[b]];
    }
    votes[blockIdx.y * capacity + key] = score_to_vote(sum - SCORE_BIAS * subspaces, bf16_to_float(norm), floor);
  }
}

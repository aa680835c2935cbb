// centroid_tiers.cu -- stage 5b: the tier weight of each centroid, exactly as io.pariskv.retrieve.CentroidTiers says.
//
// A block has one subspace, a thread one centroid. What decides a weight is how many keys are in better centroids, so
// nothing is sorted: every thread compares its score with all 256 and adds the populations of the better ones. These are
// counts below 2^24, exact as floats, so that they are added by the pipe that the comparisons leave idle.
// Bound by the latency of four loads that wait for each other, and by the 65,536 comparisons of a block, less than a
// microsecond.
// grid rows * kvHeads * subspaces, block 256.

constexpr int QUADS = CENTROIDS / 4;

/** The sum of four coordinates, minus those whose bit in `signs` is clear, in the order of the contract. */
__device__ __forceinline__ float half_score(float4 p, int signs) {
  float sum = __fadd_rn(signs & 1 ? p.x : -p.x, signs & 2 ? p.y : -p.y);
  sum = __fadd_rn(sum, signs & 4 ? p.z : -p.z);
  return __fadd_rn(sum, signs & 8 ? p.w : -p.w);
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
  float score = __fadd_rn(half_score(p[0], id & 15), half_score(p[1], id >> 4));
  score = isnan(score) ? -INFINITY : score;
  int slot = slots[blockIdx.x / blocks_of_row];
  const int* budget = budgets + slot * BUDGET_FIELDS;
  if (budget[0] == 0) {  // no keys, no populations; nobody reads these tiers
    return;
  }
  const int* counts = reinterpret_cast<const int*>(population_table[int64_t(slot) * layers + layer]) +
                      blockIdx.x % blocks_of_row * CENTROIDS;
  reinterpret_cast<float*>(scores)[id] = score;
  reinterpret_cast<float*>(populations)[id] = float(counts[id]);
  __syncthreads();

  // Ties go to the lower id: those of the warps before this one win them, those of the warps after it lose them.
  int own = warp_id() * (WARP / 4);
  int end = own + WARP / 4;
  float before = keys_in(scores, populations, 0, own, [=](float other, int) { return other >= score; }) +
                 keys_in(scores, populations, own, end,
                         [=](float other, int i) { return (other > score) | ((other == score) & (i < id)); }) +
                 keys_in(scores, populations, end, QUADS, [=](float other, int) { return other > score; });
  int weight = 0;
#pragma unroll
  for (int tier = 5; tier >= 0; tier--) {  // the first limit that holds, so the last that is written
    weight = int(before) < budget[3 + tier] ? 6 - tier : weight;
  }
  tiers[int64_t(blockIdx.x) * CENTROIDS + id] = weight;
}

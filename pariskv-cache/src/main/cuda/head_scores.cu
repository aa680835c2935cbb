// head_scores.cu -- retrieve.HeadScores: the weights that a group's heads give the candidates, added up
//
// A block has the candidates of a KV head, three times for each query head: for the largest, for the sum and for the
// weights. The sum is one of whole numbers. Bound by latency: some thousand candidates.
// grid rows * kvHeads, block 512.
#include "pariskv.cuh"

#include "head_scores.cuh"

extern "C" __global__ void __launch_bounds__(512)
    head_scores(const int* slots,      // [rows]
                const int* budgets,    // [slots][BUDGET_FIELDS]
                const float* scores,   // [group][rows][kvHeads][capacity]
                float* combined,       // [rows][kvHeads][capacity]
                int64_t capacity, int kv_heads, int group, float to_octaves) {
  __shared__ float maxima[WARP];
  __shared__ long long sums[WARP];
  const int* budget = budgets + slots[blockIdx.x / kv_heads] * BUDGET_FIELDS;
  int count = int(min(int64_t(min(budget[1], budget[0])), capacity));
  float* to = combined + blockIdx.x * capacity;
  for (int i = 0; i < group; i++) {
    const float* from = scores + (int64_t(i) * gridDim.x + blockIdx.x) * capacity;
    float largest = -INFINITY;
    for (int c = threadIdx.x; c < count; c += blockDim.x) {
      largest = fmaxf(largest, from[c]);  // a NaN loses
    }
    largest = block_max(largest, maxima);
    long long sum = 0;
    for (int c = threadIdx.x; c < count; c += blockDim.x) {
      sum += addend(logarithm(from[c], largest, to_octaves));
    }
    sum = block_sum(sum, sums);
    int total = logarithm_of(sum);
    for (int c = threadIdx.x; c < count; c += blockDim.x) {
      float own = sum > 0 ? weight(logarithm(from[c], largest, to_octaves), total) : 0.0f;
      to[c] = i == 0 ? own : __fadd_rn(to[c], own);
    }
  }
}

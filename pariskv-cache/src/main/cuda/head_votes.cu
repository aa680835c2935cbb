// head_votes.cu -- retrieve.HeadVotes: the votes of a group's heads as one vote a key
//
// The plain kernel: one block has all keys of a KV head, twice for each query head: to count its votes, and to raise what
// is there to those measured from its cut. A thread has the same keys each time, so it alone reads what it wrote. Bound by
// the latency of byte loads on few multiprocessors.
// grid rows * kvHeads, block 1024.
#include "pariskv.cuh"

constexpr int VOTES = 256;

/** The largest vote that `wanted` keys have or exceed; called by the whole block. */
__device__ __forceinline__ int find_cut(const uint8_t* votes, int keys, int wanted, int* histogram, int* scratch) {
  __shared__ int cut;
  for (int i = threadIdx.x; i < VOTES; i += blockDim.x) {
    histogram[i] = 0;
  }
  if (threadIdx.x == 0) {
    cut = 0;
  }
  __syncthreads();  // the counts are zero
#pragma unroll 8
  for (int key = threadIdx.x; key < keys; key += blockDim.x) {
    atomicAdd(&histogram[votes[key]], 1);
  }
  __syncthreads();  // all keys are counted
  int vote = VOTES - 1 - int(threadIdx.x);
  int mine = vote >= 0 ? histogram[vote] : 0;
  int total;
  int above = block_scan(mine, scratch, total);
  if (vote >= 0 && above + mine >= wanted && (above < wanted || vote == VOTES - 1)) {
    cut = vote;
  }
  __syncthreads();  // the cut is found
  int found = cut;
  __syncthreads();  // and read: the next head may write it
  return found;
}

extern "C" __global__ void __launch_bounds__(1024)
    head_votes(const int* slots,       // [rows]
               const int* budgets,     // [slots][BUDGET_FIELDS]
               const uint8_t* votes,   // [group][rows][kvHeads][capacity]
               uint8_t* combined,      // [rows][kvHeads][capacity]
               int64_t capacity, int kv_heads, int group) {
  __shared__ int histogram[VOTES];
  __shared__ int scratch[WARP];
  const int* budget = budgets + slots[blockIdx.x / kv_heads] * BUDGET_FIELDS;
  int keys = int(min(int64_t(budget[0]), capacity));
  int wanted = min(budget[1], budget[0]);
  uint8_t* to = combined + blockIdx.x * capacity;
  for (int i = 0; i < group; i++) {
    const uint8_t* from = votes + (int64_t(i) * gridDim.x + blockIdx.x) * capacity;
    int cut = find_cut(from, keys, wanted, histogram, scratch);
#pragma unroll 8
    for (int key = threadIdx.x; key < keys; key += blockDim.x) {
      int vote = min(max(VOTES / 2 + from[key] - cut, 0), VOTES - 1);
      to[key] = i == 0 ? vote : max(vote, int(to[key]));
    }
  }
}

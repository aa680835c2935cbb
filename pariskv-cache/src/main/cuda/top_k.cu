// top_k.cu -- retrieve.TopK: the k candidates with the best scores, ties by lower position, positions ascending
//
// One block finds the k best of a list, as top_k.cuh says. The list is read four or five times, from L1 after the first:
// what bounds it is one block's latency, a few microseconds for 10^4.
//
// Long lists (the host decides, by capacities) are cut into parts of at least k: top_k_parts leaves each part's k best,
// in order and without gaps, and top_k runs over those.
//
// top_k_parts: grid (parts, rows * kvHeads); top_k: grid (rows * kvHeads); block 1024.
#include "pariskv.cuh"

constexpr int BLOCK = 1024;
#include "top_k.cuh"

/** Candidates in the order of their positions. */
struct List {
  const int* positions;
  const float* scores;
  int count;

  __device__ __forceinline__ uint32_t operator()(int index) const { return ordered(scores[index]); }
};

/** All candidates of a KV head of a row. */
__device__ __forceinline__ List candidates_of(const int* budget, const int* positions, const float* scores,
                                              int64_t room, int head) {
  List list;
  list.positions = positions + head * room;
  list.scores = scores + head * room;
  list.count = int(min(int64_t(min(budget[0], budget[1])), room));
  return list;
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    top_k_parts(const int* slots,         // [rows]
                const int* budgets,       // [slots][BUDGET_FIELDS]
                const int* candidates,    // [rows][kvHeads][room]
                const float* scores,      // [rows][kvHeads][room]
                int64_t room, int kv_heads,
                int capacity,             // of the selection
                int part,                 // candidates of a part, at least `capacity`
                int* best_candidates,     // [rows][kvHeads][parts * capacity], a part's k behind those of the part before
                float* best_scores) {     // the same
  int head = blockIdx.y;
  const int* budget = budgets + slots[head / kv_heads] * BUDGET_FIELDS;
  List list = candidates_of(budget, candidates, scores, room, head);
  int k = min(min(budget[2], list.count), capacity);
  int first = int(blockIdx.x) * part;
  if (first >= list.count || k == 0) {
    return;
  }
  list.positions += first;
  list.scores += first;
  list.count = min(part, list.count - first);
  int64_t out = int64_t(head) * gridDim.x * capacity + int64_t(blockIdx.x) * k;
  Threshold threshold = find_threshold(list, list.count, min(k, list.count));
  take_best(list, list.count, threshold, [&](int place, int index) {
    best_candidates[out + place] = list.positions[index];
    best_scores[out + place] = list.scores[index];
  });
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    top_k(const int* slots,             // [rows]
          const int* budgets,           // [slots][BUDGET_FIELDS]
          const int* candidates,        // [rows][kvHeads][room]
          const float* scores,          // [rows][kvHeads][room]
          int64_t room, int kv_heads,
          int capacity,                 // of the selection
          int part,                     // 0 to read the candidates, else the part of top_k_parts
          int parts,
          const int* best_candidates,   // of top_k_parts
          const float* best_scores,     // of top_k_parts
          int* selected,                // [rows][kvHeads][capacity]
          int* counts) {                // [rows][kvHeads]
  int head = blockIdx.x;
  const int* budget = budgets + slots[head / kv_heads] * BUDGET_FIELDS;
  List list = candidates_of(budget, candidates, scores, room, head);
  int k = min(min(budget[2], list.count), capacity);
  if (threadIdx.x == 0) {
    counts[head] = k;
  }
  if (k == 0) {
    return;
  }
  if (part > 0) {  // every part but the last has left k
    list.positions = best_candidates + int64_t(head) * parts * capacity;
    list.scores = best_scores + int64_t(head) * parts * capacity;
    list.count = list.count / part * k + min(list.count % part, k);
  }
  int* out = selected + int64_t(head) * capacity;
  Threshold threshold = find_threshold(list, list.count, k);
  take_best(list, list.count, threshold, [&](int place, int index) { out[place] = index; });
  __syncthreads();  // all indices are there
  positions_of(out, k, list.positions);
}

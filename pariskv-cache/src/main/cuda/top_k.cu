// top_k.cu -- retrieve.TopK: the k candidates with the best scores, ties by lower position, positions ascending
//
// One block finds the k best of a list: a radix select over bits that ascend with the scores, 11, 11 and 10 at a time,
// each time counting those that agree with the digits found so far; then each warp writes what it has above the
// threshold, and at it while there is room, to the places that the counts of the warps before leave it. So the list
// is read five times, from L1 after the first: what bounds it is one block's latency, a few microseconds for 10^4.
//
// Long lists (the host decides, by capacities) are cut into parts of at least k: top_k_parts leaves each part's k best,
// in order and without gaps, and top_k runs over those.
//
// top_k_parts: grid (parts, rows * kvHeads); top_k: grid (rows * kvHeads); block 1024.
#include "pariskv.cuh"

constexpr int BLOCK = 1024;
constexpr int DIGIT_BITS = 11;
constexpr int DIGITS = 1 << DIGIT_BITS;  // two for each thread of a block
constexpr int COPIES = 4;                // of a histogram: scores of one size share a digit, and their lanes would queue
constexpr int IN_FLIGHT = 4;             // scores that a thread loads before it counts any

/** Candidates in the order of their positions. */
struct List {
  const int* positions;
  const float* scores;
  int count;
};

/** Those with larger bits are taken, and the first `at` of those with equal ones. */
struct Threshold {
  uint32_t bits;
  int at;
};

/** Bits that ascend with scores, never 0: NaN counts as negative infinity, and there is one zero. */
__device__ __forceinline__ uint32_t ordered(float score) {
  uint32_t bits = __float_as_uint(isnan(score) ? -INFINITY : __fadd_rn(score, 0.0f));
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

/** Counts a digit of the scores whose `known` bits are `prefix`. */
__device__ void count_digits(const List& list, uint32_t prefix, uint32_t known, int shift, uint32_t mask,
                             int* counts) {
  for (int i = threadIdx.x; i < DIGITS * COPIES; i += BLOCK) {
    counts[i] = 0;
  }
  __syncthreads();  // all counts are zero
  for (int first = threadIdx.x; first < list.count; first += IN_FLIGHT * BLOCK) {
    float scores[IN_FLIGHT];
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      scores[i] = first + i * BLOCK < list.count ? list.scores[first + i * BLOCK] : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      uint32_t bits = ordered(scores[i]);
      if (first + i * BLOCK < list.count && (bits & known) == prefix) {
        atomicAdd(counts + (bits >> shift & mask) * COPIES + lane_id() % COPIES, 1);
      }
    }
  }
  __syncthreads();  // all are counted
}

__device__ __forceinline__ int digit_count(const int* counts, int digit) {
  int4 copies = *reinterpret_cast<const int4*>(counts + digit * COPIES);
  return copies.x + copies.y + copies.z + copies.w;
}

/** The threshold that k of a list reach, 1 <= k <= count. */
__device__ Threshold find_threshold(const List& list, int k) {
  __shared__ __align__(16) int counts[DIGITS * COPIES];
  __shared__ int scratch[WARP];
  __shared__ int found[2];  // the digit of the k-th best, and which of those that have it it is
  Threshold threshold = {0, 0};
  if (k == list.count) {
    return threshold;  // all are above 0
  }
  threshold.at = k;
  uint32_t known = 0;
  for (int high = 32; high > 0; high -= DIGIT_BITS) {  // bits from `high` on are known
    int shift = max(high - DIGIT_BITS, 0);
    uint32_t mask = (1u << (high - shift)) - 1;
    count_digits(list, threshold.bits, known, shift, mask, counts);
    int digit = DIGITS - 1 - 2 * int(threadIdx.x);  // descending: the threads before have the larger ones
    int larger = digit_count(counts, digit);
    int smaller = digit_count(counts, digit - 1);
    int total;
    int before = block_scan(larger + smaller, scratch, total);
    if (before < threshold.at && threshold.at <= before + larger + smaller) {  // true in one thread
      bool is_smaller = threshold.at > before + larger;
      found[0] = is_smaller ? digit - 1 : digit;
      found[1] = threshold.at - before - (is_smaller ? larger : 0);
    }
    __syncthreads();  // found is written; it is next written after the barriers of another round
    threshold.bits |= uint32_t(found[0]) << shift;
    threshold.at = found[1];
    known |= mask << shift;
  }
  return threshold;
}

/** Writes what the threshold leaves, in order; scores too unless `out_scores` is null. */
__device__ void write(const List& list, Threshold threshold, int* out_positions, float* out_scores) {
  __shared__ int warp_above[WARP];
  __shared__ int warp_at[WARP];
  int span = ceil_div(ceil_div(list.count, WARP), BLOCK / WARP) * WARP;  // of a warp, whole rounds
  int from = warp_id() * span;
  int to = min(from + span, list.count);
  int above = 0;
  int at = 0;
#pragma unroll 4
  for (int i = from + lane_id(); i < to; i += WARP) {
    uint32_t bits = ordered(list.scores[i]);
    above += bits > threshold.bits;
    at += bits == threshold.bits;
  }
  above = warp_sum(above);
  at = warp_sum(at);
  if (lane_id() == 0) {
    warp_above[warp_id()] = above;
    warp_at[warp_id()] = at;
  }
  __syncthreads();  // the counts of all warps are there
  above = warp_sum(lane_id() < warp_id() ? warp_above[lane_id()] : 0);  // now of the warps before
  at = warp_sum(lane_id() < warp_id() ? warp_at[lane_id()] : 0);
  uint32_t lanes_before = (1u << lane_id()) - 1;
  for (int first = from; first < to; first += WARP) {
    int i = first + lane_id();
    float score = i < to ? list.scores[i] : 0.0f;
    uint32_t bits = ordered(score);
    uint32_t lanes_above = __ballot_sync(FULL_WARP, i < to && bits > threshold.bits);
    uint32_t lanes_at = __ballot_sync(FULL_WARP, i < to && bits == threshold.bits);
    int at_before = at + __popc(lanes_at & lanes_before);
    bool is_above = (lanes_above >> lane_id() & 1) != 0;
    bool is_at = (lanes_at >> lane_id() & 1) != 0;
    if (is_above || (is_at && at_before < threshold.at)) {
      int place = above + __popc(lanes_above & lanes_before) + min(at_before, threshold.at);
      out_positions[place] = list.positions[i];
      if (out_scores != nullptr) {
        out_scores[place] = score;
      }
    }
    above += __popc(lanes_above);
    at += __popc(lanes_at);
  }
}

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
  write(list, find_threshold(list, min(k, list.count)), best_candidates + out, best_scores + out);
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
  write(list, find_threshold(list, k), selected + int64_t(head) * capacity, nullptr);
}

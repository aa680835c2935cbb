// adaptive_top_k.cu -- retrieve.AdaptiveTopK: as many of the best candidates as contribute a share, positions ascending
//
// One block has the candidates of a KV head. It adds up what they contribute, as whole numbers. Then it looks for the last
// one that is taken as top_k.cuh looks for the k-th best: it cuts the bits that its weight may have into bins, but counts and
// adds, since enough can be a number or a sum. Two rounds are the rule, four the most.
// Bound by one block's latency, as top_k.cu, and by the gathers of norms, one a round: a sector of 32 bytes for 2, from L2
// after the first.
// grid rows * kvHeads, block 1024.
#include "pariskv.cuh"

constexpr int BLOCK = 1024;
#include "top_k.cuh"

constexpr float LARGEST_FLOAT = 0x1.fffffep127f;

/** Candidates of a KV head in the order of their positions; no weight is negative or NaN. */
struct Weighted {
  const float* weights;
  const int* positions;
  const uint64_t* norms;  // slabs of [kvHeads][SLAB_TOKENS] bf16
  int kv_head;

  __device__ __forceinline__ uint32_t operator()(int index) const { return ordered(weights[index]); }

  __device__ __forceinline__ float contribution(int index) const {
    int position = positions[index];
    const uint16_t* slab = reinterpret_cast<const uint16_t*>(norms[slab_index(position)]);
    float norm = bf16_to_float(slab[slab_offset(kv_head, position, 1)]);
    return fminf(__fmul_rn(weights[index], norm), LARGEST_FLOAT);
  }

  /** What one contributes, as a part of the largest, in 2^-40. */
  __device__ __forceinline__ unsigned long long part(int index, float largest) const {
    return __float2ull_rz(__fmul_rn(__fdiv_rn(contribution(index), largest), 0x1p40f));
  }
};

/** What is taken, and how many they are. */
struct Taken {
  Threshold threshold;
  int count;
};

/**
 * The best of a list whose parts add up to `enough`, above 0 and at most all of them, with all of the same weight as the last
 * one; but not more than `most`, at least 1. All threads of the block see the list.
 */
__device__ Taken find_enough(const Weighted& list, int count, int most, unsigned long long enough, float largest) {
  __shared__ uint32_t counts[BINS];
  __shared__ unsigned long long sums[BINS];
  __shared__ uint32_t count_scratch[WARP];
  __shared__ unsigned long long sum_scratch[WARP];
  __shared__ int found[3];  // the bin of the last one that is taken, how many are in better ones, how many in it
  __shared__ unsigned long long found_sum;  // of better ones
  for (int i = threadIdx.x; i < BINS; i += BLOCK) {
    counts[i] = 0;
    sums[i] = 0;
  }
  uint32_t high = 0;
  for_each(list, count, [&](uint32_t bits, int) { high = max(high, bits); });
  high = block_reduce(high, 0u, count_scratch, [](uint32_t a, uint32_t b) { return max(a, b); });  // and bins are zero
  uint32_t lowest = 1;  // the last one has bits from `lowest` to `high`
  uint32_t low = high - min(high, FIRST_SPAN);  // bin 0 takes what is below, too
  int shift = FIRST_SHIFT;
  int taken = 0;               // those above `high`: too few,
  unsigned long long sum = 0;  // and what they add up to
  while (true) {
    for_each(list, count, [&](uint32_t bits, int index) {
      if (lowest <= bits && bits <= high) {
        uint32_t bin = (max(bits, low) - low) >> shift;
        atomicAdd(counts + bin, 1u);
        atomicAdd(sums + bin, list.part(index, largest));
      }
    });
    __syncthreads();  // all are counted
    int first = BINS - BINS_OF_THREAD * (int(threadIdx.x) + 1);  // descending: the threads before have the larger ones
    uint32_t own_counts[BINS_OF_THREAD];
    unsigned long long own_sums[BINS_OF_THREAD];
    uint32_t own_count = 0;
    unsigned long long own_sum = 0;
#pragma unroll
    for (int i = 0; i < BINS_OF_THREAD; i++) {
      own_counts[i] = counts[first + i];
      own_sums[i] = sums[first + i];
      counts[first + i] = 0;  // for the next round
      sums[first + i] = 0;
      own_count += own_counts[i];
      own_sum += own_sums[i];
    }
    uint32_t all_counts;
    unsigned long long all_sums;
    int better = taken + int(block_scan(own_count, count_scratch, all_counts));
    unsigned long long better_sum = sum + block_scan(own_sum, sum_scratch, all_sums);
#pragma unroll
    for (int i = BINS_OF_THREAD - 1; i >= 0; i--) {
      int through = better + int(own_counts[i]);
      unsigned long long through_sum = better_sum + own_sums[i];
      bool few = better < most && better_sum < enough;
      if (few && (through >= most || through_sum >= enough)) {  // true of one bin
        found[0] = first + i;
        found[1] = better;
        found[2] = int(own_counts[i]);
        found_sum = better_sum;
      }
      better = through;
      better_sum = through_sum;
    }
    __syncthreads();  // found is written; it is next written after the barriers of another round
    uint32_t start = low + (uint32_t(found[0]) << shift);
    lowest = found[0] == 0 ? lowest : start;
    taken = found[1];
    sum = found_sum;
    int inside = found[2];
    if (inside == 1) {
      return {{lowest - 1, 0}, taken + 1};
    }
    high = start + min(high - start, (1u << shift) - 1);
    if (lowest == high) {  // all inside have one weight
      int more = min(inside, most - taken);
      return {{high, more}, taken + more};
    }
    low = lowest;
    shift = max(WARP - __clz(high - lowest) - 11, 0);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, 1)
    adaptive_top_k(const int* slots,              // [rows]
                   const int* budgets,            // [slots][BUDGET_FIELDS]
                   const int* candidates,         // [rows][kvHeads][room]
                   float* weights,                // [rows][kvHeads][room], without what is negative or NaN afterwards
                   int64_t room, int kv_heads,
                   const uint64_t* norms,         // [slots][layers][MAX_SLABS] of [kvHeads][SLAB_TOKENS] bf16
                   int layer, int layers,
                   int share,                     // in 2^-16
                   int capacity,                  // of the selection
                   int* selected,                 // [rows][kvHeads][capacity]
                   int* counts,                   // [rows][kvHeads]
                   unsigned long long* totals) {  // [slots][2] keys, and heads that selected
  __shared__ float maxima[WARP];
  __shared__ unsigned long long sums[WARP];
  int64_t head = blockIdx.x;
  int slot = slots[head / kv_heads];
  const int* budget = budgets + int64_t(slot) * BUDGET_FIELDS;
  int count = int(min(int64_t(min(budget[0], budget[1])), room));
  int most = min(min(budget[2], count), capacity);
  if (most <= 0) {  // the whole block
    if (threadIdx.x == 0) {
      counts[head] = 0;
    }
    return;
  }
  float* own = weights + head * room;
  Weighted list = {own, candidates + head * room, index_slabs(norms, slot, layer, layers), int(head % kv_heads)};
  float largest = 0.0f;
#pragma unroll 4
  for (int c = threadIdx.x; c < count; c += BLOCK) {
    float weight = own[c];
    own[c] = weight > 0.0f ? weight : 0.0f;
    largest = fmaxf(largest, list.contribution(c));
  }
  largest = block_reduce(largest, 0.0f, maxima, Max());  // and all weights are written
  Taken taken;
  if (largest > 0.0f) {
    unsigned long long total = 0;
#pragma unroll 4
    for (int c = threadIdx.x; c < count; c += BLOCK) {
      total += list.part(c, largest);
    }
    total = block_sum(total, sums);
    unsigned long long enough = total - (total >> 16) * (65536 - share);
    taken = find_enough(list, count, most, enough, largest);
  } else {
    taken = {find_threshold(list, count, most), most};
  }
  int* out = selected + head * capacity;
  take_best(list, count, taken.threshold, [&](int place, int index) { out[place] = index; });
  __syncthreads();  // all indices are there
  positions_of(out, taken.count, list.positions);
  if (threadIdx.x == 0) {
    counts[head] = taken.count;
    atomicAdd(totals + 2 * int64_t(slot), (unsigned long long)taken.count);
    atomicAdd(totals + 2 * int64_t(slot) + 1, 1ull);
  }
}

// top_k.cuh -- part of top_k.cu: one block of BLOCK threads finds the k best of a list.
//
// A list is a function from an index to bits that ascend with the score there. Each round cuts the bits that the k-th
// best may have into 2,048 bins and counts. The first cuts four octaves of scores below the largest, where the k-th
// best nearly always is, so that neighbours rarely share a bin: they would queue to be counted, and a bin of one needs
// no further round. Two rounds are the rule, four the most.

constexpr int BINS = 2048;
constexpr int BINS_OF_THREAD = BINS / BLOCK;
constexpr int FIRST_SHIFT = 14;  // a bin of the first round is 2^14 neighbouring scores
constexpr uint32_t FIRST_SPAN = (uint32_t(BINS) << FIRST_SHIFT) - 1;
constexpr int IN_FLIGHT = 8;     // of a thread's loads

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

/** Calls `visit` with the bits of the list, those of a thread in ascending order. */
template <typename List, typename Visit>
__device__ __forceinline__ void for_each(const List& list, int count, Visit visit) {
  for (int first = threadIdx.x; first < count; first += IN_FLIGHT * BLOCK) {
    uint32_t bits[IN_FLIGHT];
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      bits[i] = first + i * BLOCK < count ? list(first + i * BLOCK) : 0;
    }
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      if (bits[i] != 0) {
        visit(bits[i], first + i * BLOCK);
      }
    }
  }
}

/** The threshold that k of a list reach, 1 <= k <= count. All threads of the block see the list. */
template <typename List>
__device__ Threshold find_threshold(const List& list, int count, int k) {
  __shared__ uint32_t bins[BINS];
  __shared__ uint32_t scratch[WARP];
  __shared__ uint32_t found[3];  // the bin of the k-th best, which of those in it that is, and how many they are
  if (k == count) {
    return {0, 0};  // all are above 0
  }
  for (int i = threadIdx.x; i < BINS; i += BLOCK) {
    bins[i] = 0;
  }
  uint32_t high = 0;
  for_each(list, count, [&](uint32_t bits, int) { high = max(high, bits); });
  high = block_reduce(high, 0u, scratch, [](uint32_t a, uint32_t b) { return max(a, b); });  // and bins are zero
  uint32_t lowest = 0;                            // the k-th best has bits from `lowest` to `high`
  uint32_t low = high - min(high, FIRST_SPAN);    // bin 0 takes what is below, too
  int shift = FIRST_SHIFT;
  uint32_t wanted = k;                            // it is so many-th from `high` down
  while (true) {
    for_each(list, count, [&](uint32_t bits, int) {
      if (lowest <= bits && bits <= high) {
        atomicAdd(bins + ((max(bits, low) - low) >> shift), 1u);
      }
    });
    __syncthreads();  // all are counted
    int first = BINS - BINS_OF_THREAD * (int(threadIdx.x) + 1);  // descending: the threads before have the larger ones
    uint32_t counts[BINS_OF_THREAD];
    uint32_t own = 0;
#pragma unroll
    for (int i = 0; i < BINS_OF_THREAD; i++) {
      counts[i] = bins[first + i];
      bins[first + i] = 0;  // for the next round
      own += counts[i];
    }
    uint32_t total;
    uint32_t better = block_scan(own, scratch, total);
#pragma unroll
    for (int i = BINS_OF_THREAD - 1; i >= 0; i--) {
      if (better < wanted && wanted <= better + counts[i]) {  // true of one bin
        found[0] = first + i;
        found[1] = wanted - better;
        found[2] = counts[i];
      }
      better += counts[i];
    }
    __syncthreads();  // found is written; it is next written after the barriers of another round
    uint32_t start = low + (found[0] << shift);
    lowest = found[0] == 0 ? lowest : start;
    wanted = found[1];
    if (wanted == found[2]) {
      return {lowest - 1, 0};  // all of the bin are taken; `lowest` is not 0, or all of the list were
    }
    high = start + min(high - start, (1u << shift) - 1);
    if (lowest == high) {
      return {high, int(wanted)};
    }
    low = lowest;
    shift = max(WARP - __clz(high - lowest) - 11, 0);
  }
}

/**
 * Calls `take` with place and index of each one that the threshold leaves; places ascend with indices, from 0. A warp
 * has up to 32 times 32 neighbours at a time, and each of its lanes remembers which of 32 are chosen.
 */
template <typename List, typename Take>
__device__ void take_best(const List& list, int count, Threshold threshold, Take take) {
  __shared__ uint32_t scratch[WARP];
  uint32_t lanes_before = (1u << lane_id()) - 1;
  int above_before = 0;
  int at_before = 0;
  for (int segment = 0; segment < count; segment += WARP * BLOCK) {
    int rounds = ceil_div(min(count - segment, WARP * BLOCK), BLOCK);
    int from = segment + warp_id() * rounds * WARP;
    uint32_t above = 0;  // of the neighbours from + lane * 32 on
    uint32_t at = 0;
    for (int first = 0; first < rounds; first += IN_FLIGHT) {
      uint32_t bits[IN_FLIGHT];
#pragma unroll
      for (int i = 0; i < IN_FLIGHT; i++) {
        int index = from + (first + i) * WARP + lane_id();
        bits[i] = first + i < rounds && index < count ? list(index) : 0;
      }
#pragma unroll
      for (int i = 0; i < IN_FLIGHT; i++) {
        uint32_t lanes_above = __ballot_sync(FULL_WARP, bits[i] > threshold.bits);
        uint32_t lanes_at = __ballot_sync(FULL_WARP, bits[i] == threshold.bits);
        above = lane_id() == first + i ? lanes_above : above;
        at = lane_id() == first + i ? lanes_at : at;
      }
    }
    uint32_t total;
    uint32_t before = block_scan(uint32_t(__popc(above) | __popc(at) << 16), scratch, total);  // at most 2^15 of each
    int own_at = at_before + int(before >> 16);
    int place = above_before + int(before & 0xffff) + min(own_at, threshold.at);
    uint32_t chosen = above | lowest_bits(at, threshold.at - own_at);
    for (int round = 0; round < rounds; round++) {
      uint32_t lanes = __shfl_sync(FULL_WARP, chosen, round);
      int first_place = __shfl_sync(FULL_WARP, place, round);
      if ((lanes >> lane_id() & 1) != 0) {
        take(first_place + __popc(lanes & lanes_before), from + round * WARP + lane_id());
      }
    }
    above_before += int(total & 0xffff);
    at_before += int(total >> 16);
  }
}

/** Replaces indices of `positions` by what is there. */
__device__ void positions_of(int* indices, int count, const int* positions) {
  for (int first = threadIdx.x; first < count; first += IN_FLIGHT * BLOCK) {
    int found[IN_FLIGHT];
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      found[i] = first + i * BLOCK < count ? indices[first + i * BLOCK] : 0;
    }
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      found[i] = first + i * BLOCK < count ? positions[found[i]] : 0;
    }
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      if (first + i * BLOCK < count) {
        indices[first + i * BLOCK] = found[i];
      }
    }
  }
}

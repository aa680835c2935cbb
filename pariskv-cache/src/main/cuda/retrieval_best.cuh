// retrieval_best.cuh -- part of retrieval_select.cu: one block of BLOCK threads finds the best of a list. The kernels of a
// retrieval per head need what finds a bin.
//
// A list is a function from an index to bits that ascend with the score there, or are 0 where there is no score. A round
// cuts the bits that the k-th best may have into 256 bins and counts. The first cuts four octaves of scores below the
// largest, where the k-th best nearly always is. Bins are so few that every warp finds the one for itself: a round costs
// one barrier, and there are three sets of bins in turn, so that nobody waits for them to be zero again. A round leaves
// the best k and some more, which is enough for a tile; two or three rounds leave the best k.

constexpr int BINS = 256;
constexpr int BIN_SETS = 3;
constexpr int BINS_OF_LANE = BINS / WARP;
constexpr int FIRST_SHIFT = 17;  // a bin of the first round is 2^17 neighbouring scores
constexpr int TAKEN = 4;         // entries that a thread loads at once
constexpr uint32_t FIRST_SPAN = (uint32_t(BINS) << FIRST_SHIFT) - 1;

static_assert(BINS <= BLOCK && BINS_OF_LANE == 8, "a thread clears one bin; a lane loads its bins as two quads");

/** Those with larger bits are taken, and the first `at` of those with equal ones. */
struct Threshold {
  uint32_t bits;
  int at;
};

/** One of BINS. */
struct Bin {
  int index;
  int before;  // entries in larger bins
  int inside;  // entries in it
};

/** The bin of the wanted-th largest entry, -1 if there are fewer; every warp finds it for itself. */
__device__ __forceinline__ Bin find_bin(const uint32_t* bins, int wanted) {
  int first = BINS - BINS_OF_LANE * (lane_id() + 1);  // descending: the lanes before have the larger ones
  uint4 lower = *reinterpret_cast<const uint4*>(bins + first);
  uint4 upper = *reinterpret_cast<const uint4*>(bins + first + 4);
  int counts[BINS_OF_LANE] = {int(lower.x), int(lower.y), int(lower.z), int(lower.w),
                              int(upper.x), int(upper.y), int(upper.z), int(upper.w)};
  int own = 0;
#pragma unroll
  for (int i = 0; i < BINS_OF_LANE; i++) {
    own += counts[i];
  }
  int larger = scan_through(own) - own;
  Bin found = {-1, 0, 0};
#pragma unroll
  for (int i = BINS_OF_LANE - 1; i >= 0; i--) {
    if (larger < wanted && wanted <= larger + counts[i]) {  // true of one bin at most
      found = {first + i, larger, counts[i]};
    }
    larger += counts[i];
  }
  int finder = max(__ffs(__ballot_sync(FULL_WARP, found.index >= 0)) - 1, 0);  // if nobody found it, any lane will do
  return {__shfl_sync(FULL_WARP, found.index, finder), __shfl_sync(FULL_WARP, found.before, finder),
          __shfl_sync(FULL_WARP, found.inside, finder)};
}

/** Calls `visit` with the bits of the list that are not 0. */
template <typename List, typename Visit>
__device__ __forceinline__ void for_each(const List& list, int count, Visit visit) {
  for (int first = threadIdx.x; first < count; first += List::IN_FLIGHT * BLOCK) {
    uint32_t bits[List::IN_FLIGHT];
#pragma unroll
    for (int i = 0; i < List::IN_FLIGHT; i++) {
      bits[i] = first + i * BLOCK < count ? list(first + i * BLOCK) : 0;
    }
#pragma unroll
    for (int i = 0; i < List::IN_FLIGHT; i++) {
      if (bits[i] != 0) {
        visit(bits[i]);
      }
    }
  }
}

/** What is known of the k-th best of a list; the same in every thread. */
struct Search {
  uint32_t lowest;  // its bits are not below,
  uint32_t high;    // nor above
  int better;       // entries above `high`
  int inside;       // entries from `lowest` to `high`
  int wanted;       // the best of them that are among the k best
  uint32_t low;     // bin 0 ends 2^shift above it, and takes what is below, too
  int shift;
  int set;          // of bins: the next one, which is zero

  /** For the k best of `count`, 1 <= k <= count, the largest of which has bits `high`. */
  __device__ __forceinline__ void begin(int k, int count, uint32_t largest) {
    lowest = 1;
    high = largest;
    better = 0;
    inside = count;
    wanted = k;
    low = high - min(high, FIRST_SPAN);
    shift = FIRST_SHIFT;
  }

  /** Whether the threshold is that of k; else it takes more. */
  __device__ __forceinline__ bool exact() const { return wanted == inside || lowest == high; }

  /** How many the threshold takes. */
  __device__ __forceinline__ int taken() const { return better + (lowest == high ? wanted : inside); }

  __device__ __forceinline__ Threshold threshold() const {
    return lowest == high ? Threshold{high, wanted} : Threshold{lowest - 1, 0};
  }

  /** One round; all threads of the block see the list. `bins` are [BIN_SETS][BINS], on 16 bytes. */
  template <typename List>
  __device__ void narrow(const List& list, int count, uint32_t* bins) {
    uint32_t* used = bins + set * BINS;
    set = set == BIN_SETS - 1 ? 0 : set + 1;
    if (threadIdx.x < BINS) {
      bins[set * BINS + threadIdx.x] = 0;  // for the next round: who read them has passed the barrier of the last one
    }
    for_each(list, count, [&](uint32_t bits) {
      if (lowest <= bits && bits <= high) {
        atomicAdd(used + ((max(bits, low) - low) >> shift), 1u);
      }
    });
    __syncthreads();  // all are counted
    Bin bin = find_bin(used, wanted);
    inside = bin.inside;
    better += bin.before;
    wanted -= bin.before;
    uint32_t start = low + (uint32_t(bin.index) << shift);
    lowest = bin.index == 0 ? lowest : start;
    high = start + min(high - start, (1u << shift) - 1);
    low = lowest;
    shift = max(WARP - __clz(high - lowest) - 8, 0);
  }
};

/**
 * Calls `store` with the place of each one that the threshold leaves and what `load` gave for its index; places ascend
 * with indices, from 0. A warp has up to 32 times 32 neighbours at a time, and each of its lanes remembers which of 32 are
 * chosen; what several of them load is under way at once.
 */
template <typename List, typename Load, typename Store>
__device__ __forceinline__ void take_best(const List& list, int count, Threshold threshold, Load load, Store store) {
  __shared__ uint32_t scratch[WARP];
  uint32_t lanes_before = (1u << lane_id()) - 1;
  int above_before = 0;
  int at_before = 0;
  for (int segment = 0; segment < count; segment += WARP * BLOCK) {
    int rounds = ceil_div(min(count - segment, WARP * BLOCK), BLOCK);
    int from = segment + warp_id() * rounds * WARP;
    uint32_t above = 0;  // of the neighbours from + lane * 32 on
    uint32_t at = 0;
    for (int first = 0; first < rounds; first += List::IN_FLIGHT) {
      uint32_t bits[List::IN_FLIGHT];
#pragma unroll
      for (int i = 0; i < List::IN_FLIGHT; i++) {
        int index = from + (first + i) * WARP + lane_id();
        bits[i] = first + i < rounds && index < count ? list(index) : 0;
      }
#pragma unroll
      for (int i = 0; i < List::IN_FLIGHT; i++) {
        uint32_t lanes_above = __ballot_sync(FULL_WARP, bits[i] > threshold.bits);
        uint32_t lanes_at = __ballot_sync(FULL_WARP, bits[i] == threshold.bits);
        above = lane_id() == first + i ? lanes_above : above;
        at = lane_id() == first + i ? lanes_at : at;
      }
    }
    uint32_t total;
    uint32_t before = block_scan(uint32_t(__popc(above) | __popc(at) << 16), scratch, total);  // at most 2^14 of each
    int own_at = at_before + int(before >> 16);
    int place = above_before + int(before & 0xffff) + min(own_at, threshold.at);
    uint32_t chosen = above | lowest_bits(at, threshold.at - own_at);
    for (int first = 0; first < rounds; first += TAKEN) {
      uint2 loaded[TAKEN];
#pragma unroll
      for (int i = 0; i < TAKEN; i++) {
        if ((__shfl_sync(FULL_WARP, chosen, first + i) >> lane_id() & 1) != 0) {  // none of a lane from `rounds` on
          loaded[i] = load(from + (first + i) * WARP + lane_id());
        }
      }
#pragma unroll
      for (int i = 0; i < TAKEN; i++) {
        uint32_t lanes = __shfl_sync(FULL_WARP, chosen, first + i);
        int first_place = __shfl_sync(FULL_WARP, place, first + i);
        if ((lanes >> lane_id() & 1) != 0) {
          store(first_place + __popc(lanes & lanes_before), loaded[i]);
        }
      }
    }
    above_before += int(total & 0xffff);
    at_before += int(total >> 16);
  }
}

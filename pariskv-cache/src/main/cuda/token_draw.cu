// token_draw.cu -- layer.TokenSampler, second part: what top-k, top-p and min-p keep, and the token drawn from it
//
// One block a row. Of what is kept only the probability is needed, as it is a prefix of the order: that of the top k
// by one search, of top-p in it by a second, while min-p's was summed before; the least of them counts. The draw is a
// third search. A search is up to four passes over the row, mostly one or two: bound by what one multiprocessor reads
// from L2, which has the row.
// grid rows, block BLOCK. Leaves the row's state zero for the next step.
#include "pariskv.cuh"

#include "token_sampler.cuh"

constexpr int BLOCK = BUCKETS / 2;  // two buckets a thread

/** What ends a prefix: so many tokens, and so much probability in units of 2^-40. */
struct Goal {
  uint32_t count;  // at least 1
  double mass;

  /** A probability that is NaN is reached at once. */
  __device__ __forceinline__ bool reached(const Tally& prefix) const {
    return prefix.count >= count && !(prefix.mass() < mass);
  }
};

/** The bucket in which a prefix ends: what stands before it, and its own tokens. */
struct End {
  int bucket;
  Tally before;
  Tally inside;
};

struct Shared {
  Histogram histogram;
  Tally warps[WARP];
  End end;
};

__device__ __forceinline__ Tally shift_up(const Tally& tally, int distance) {
  Tally left = {__shfl_up_sync(FULL_WARP, tally.high, distance), __shfl_up_sync(FULL_WARP, tally.low, distance),
                __shfl_up_sync(FULL_WARP, tally.count, distance), 0};
  return lane_id() >= distance ? left : Tally{};
}

/**
 * Finds where the prefix ends, given that it does not in `before`. Thread t owns buckets 2t and 2t + 1; all threads get
 * the result.
 */
__device__ __forceinline__ End find_end(const Tally (&own)[2], const Tally& before, const Goal& goal, int fallback,
                                        Shared& shared) {
  Tally sum = own[0] + own[1];
#pragma unroll
  for (int distance = 1; distance < WARP; distance *= 2) {
    sum = sum + shift_up(sum, distance);
  }
  if (lane_id() == WARP - 1) {
    shared.warps[warp_id()] = sum;
  }
  __syncthreads();  // all warps' sums are there, and the last result has been read
  Tally part = lane_id() < warp_id() ? shared.warps[lane_id()] : Tally{};
  Tally start = before + shift_up(sum, 1);
  start = start + Tally{warp_sum(part.high), warp_sum(part.low), warp_sum(part.count), 0};
  for (int k = 0; k < 2; k++) {
    Tally next = start + own[k];
    if (goal.reached(next) && !goal.reached(start)) {
      shared.end = {int(2 * threadIdx.x + k), start, own[k]};
    }
    start = next;
  }
  if (threadIdx.x == BLOCK - 1 && !goal.reached(start)) {
    shared.end = {BUCKETS - 1, start, {0, 0, 1, uint32_t(fallback)}};  // exact sums never come here; no id out of range
  }
  __syncthreads();
  return shared.end;
}

/** Adds the tokens whose digits up to `level - 1` are `leading` to the histogram, by digit number `level`. */
__device__ __forceinline__ void count_digits(const Row& row, u64 leading, int level, Histogram& histogram) {
  int rest = (LEVELS - level) * DIGIT_BITS;
  u64 first = leading << rest;
  u64 last = first | ((u64(1) << rest) - 1);
  float upper = logit_of(~uint32_t(first >> ID_BITS));  // either may be NaN, which rules nothing out
  float lower = logit_of(~uint32_t(last >> ID_BITS));
  for (int base = threadIdx.x; base < row.vocabulary; base += UNROLL * BLOCK) {
    float logit[UNROLL];
    row.scores.load(base, BLOCK, row.vocabulary, logit);
#pragma unroll
    for (int k = 0; k < UNROLL; k++) {
      if (logit[k] < lower || logit[k] > upper) {  // nearly all, told by two comparisons
        continue;
      }
      int id = base + k * BLOCK;
      u64 at = place(logit[k], id);
      if (id < row.vocabulary && at >= first && at <= last) {
        histogram.add(int(digits(at, level)) & (BUCKETS - 1), tally(row.probability(logit[k]), id));
      }
    }
  }
}

/** Of the tokens in order the shortest prefix that reaches a goal, which all of them together reach. */
__device__ __noinline__ End shortest_prefix(Row row, const State& state, Goal goal, Shared& shared) {
  Tally before = {};
  Tally own[2] = {state.buckets[2 * threadIdx.x], state.buckets[2 * threadIdx.x + 1]};
  u64 leading = 0;
  for (int level = 1;; level++) {
    End end = find_end(own, before, goal, row.best, shared);
    if (end.inside.count == 1 || end.inside.mass() == 0) {  // one token; or it matters not which, its mass adds nothing
      return end;
    }
    before = end.before;
    leading = leading << DIGIT_BITS | end.bucket;
    shared.histogram.clear();
    __syncthreads();  // no thread adds before all have cleared
    count_digits(row, leading, level, shared.histogram);
    __syncthreads();  // the histogram is complete
    own[0] = shared.histogram.get(2 * threadIdx.x);
    own[1] = shared.histogram.get(2 * threadIdx.x + 1);
  }
}

/** The probability of a prefix, in units of 2^-40. */
__device__ __forceinline__ double mass(const End& end) { return (end.before + end.inside).mass(); }

/** TokenSampler.uniform. */
__device__ __forceinline__ float uniform(u64 seed, int position) {
  u64 z = seed + 0x9e3779b97f4a7c15ull * u64(int64_t(position) + 1);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  z ^= z >> 31;
  return float(z >> 40) * 0x1p-24f;
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    sampler_draw(const float* logits,        // [rows][vocabulary]
                 const float* floats,        // [rows][4] temperature, top p, min p, repetition penalty
                 uint8_t* seen,              // [rows][vocabulary]
                 const uint32_t* forbidden,  // [rows][ceil(vocabulary / 32)]
                 const int* positions,       // [rows]; the token will stand one further
                 const int* ints,            // [rows][3] top k, seed low, seed high
                 int* tokens,                // [rows], out where the row is not greedy
                 State* states,              // [rows], after sampler_masses
                 int vocabulary) {
  __shared__ Shared shared;
  __shared__ u64 scratch[WARP];
  int r = blockIdx.x;
  await_previous();
  release_next();
  Row row(Scores(logits, floats, seen, forbidden, vocabulary, r), floats, states, vocabulary, r);
  State& state = states[r];
  if (!row.greedy()) {
    int top_k = ints[r * 3];
    u64 seed = u64(uint32_t(ints[r * 3 + 2])) << 32 | uint32_t(ints[r * 3 + 1]);
    float top_p = floats[r * 4 + 1];
    float min_p = floats[r * 4 + 2];
    Tally all = state.buckets[2 * threadIdx.x] + state.buckets[2 * threadIdx.x + 1];
    all.high = block_sum(all.high, scratch);
    all.low = block_sum(all.low, scratch);
    double kept = all.mass();
    if (top_k > 0 && top_k < vocabulary) {
      kept = mass(shortest_prefix(row, state, {uint32_t(top_k), 0}, shared));
    }
    if (!(top_p >= 1)) {
      kept = mass(shortest_prefix(row, state, {1, top_p * kept}, shared));
    }
    if (!(min_p <= 0)) {
      kept = fmin(kept, fmax(state.likely.mass(), 0x1p40));  // the largest stays, whatever min-p is
    }
    float chance = uniform(seed, int(uint32_t(positions[r]) + 1));
    double more_than = nextafter(chance * kept, double(INFINITY));
    End end = shortest_prefix(row, state, {1, more_than}, shared);
    if (threadIdx.x == 0) {
      choose(int(end.inside.id), r, vocabulary, seen, tokens);
    }
  }
  __syncthreads();  // all threads have read the state
  u64* words = reinterpret_cast<u64*>(&state);
  for (int i = threadIdx.x; i < int(sizeof(State) / sizeof(u64)); i += BLOCK) {
    words[i] = 0;
  }
}

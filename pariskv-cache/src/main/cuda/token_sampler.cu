// token_sampler.cu -- layer.TokenSampler, first part: the largest logit, and the first histogram; token_draw.cu draws
//
// sampler_largest: the largest logit, after the penalty. Reads all logits once: all that greedy sampling costs.
// sampler_masses: writes the tokens of greedy rows. For the others it sums the probabilities by the first digit of the
// order, and those that min-p leaves; the exponentials in double are what costs, hence many blocks.
// Both: PART tokens a block, grid (ceil(vocabulary / PART), rows), block BLOCK.
#include "pariskv.cuh"

#include "token_sampler.cuh"

constexpr int BLOCK = 256;
constexpr int PART = BLOCK * UNROLL;

extern "C" __global__ void __launch_bounds__(BLOCK)
    sampler_largest(const float* logits,        // [rows][vocabulary]
                    const float* floats,        // [rows][4] temperature, top p, min p, repetition penalty
                    const uint8_t* seen,        // [rows][vocabulary]
                    const uint32_t* forbidden,  // [rows][ceil(vocabulary / 32)]
                    State* states,              // [rows]
                    int vocabulary) {
  __shared__ u64 scratch[WARP];
  int row = blockIdx.y;
  int first = blockIdx.x * PART + threadIdx.x;
  await_previous();
  release_next();
  Scores scores(logits, floats, seen, forbidden, vocabulary, row);
  float score[UNROLL];
  scores.load(first, BLOCK, vocabulary, score);
  u64 best = 0;
#pragma unroll
  for (int k = 0; k < UNROLL; k++) {
    int id = first + k * BLOCK;
    if (id < vocabulary) {
      best = max(best, u64(ascending_bits(score[k])) << 32 | ~uint32_t(id));
    }
  }
  best = block_reduce(best, u64(0), scratch, [](u64 a, u64 b) { return max(a, b); });
  if (threadIdx.x == 0) {
    atomicMax(&states[row].best, best);
  }
}

/** Adds to what other blocks add to. */
__device__ __forceinline__ void add(Tally* sum, const Tally& part) {
  atomicAdd(&sum->high, part.high);
  atomicAdd(&sum->low, part.low);
  atomicAdd(&sum->count, part.count);
  atomicMax(&sum->id, part.id);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    sampler_masses(const float* logits,        // [rows][vocabulary]
                   const float* floats,        // [rows][4]
                   uint8_t* seen,              // [rows][vocabulary]
                   const uint32_t* forbidden,  // [rows][ceil(vocabulary / 32)]
                   int* tokens,                // [rows], out where the row is greedy
                   State* states,              // [rows], after sampler_largest
                   int vocabulary) {
  __shared__ Histogram histogram;
  __shared__ u64 scratch[WARP];
  await_previous();
  release_next();
  Row row(Scores(logits, floats, seen, forbidden, vocabulary, blockIdx.y), floats, states, vocabulary, blockIdx.y);
  if (row.greedy()) {
    if (blockIdx.x == 0 && threadIdx.x == 0) {
      choose(row.best, blockIdx.y, vocabulary, seen, tokens);
    }
    return;
  }
  histogram.clear();
  __syncthreads();  // no thread adds before all have cleared
  double min_p = floats[blockIdx.y * 4 + 2];
  Tally likely = {};
#pragma unroll 2
  for (int k = 0; k < UNROLL; k++) {
    int id = blockIdx.x * PART + k * BLOCK + threadIdx.x;
    if (id < vocabulary) {
      float logit = row.scores[id];
      double probability = row.probability(logit);
      Tally token = tally(probability, id);
      histogram.add(int(digits(place(logit, id), 0)), token);
      if (probability >= min_p) {
        likely = likely + token;
      }
    }
  }
  likely.high = block_sum(likely.high, scratch);  // its barriers: the histogram is complete
  likely.low = block_sum(likely.low, scratch);
  if (threadIdx.x == 0) {
    add(&states[blockIdx.y].likely, likely);
  }
  for (int i = threadIdx.x; i < BUCKETS; i += BLOCK) {
    if (histogram.count[i] != 0) {
      add(&states[blockIdx.y].buckets[i], histogram.get(i));
    }
  }
}

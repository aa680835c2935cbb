// token_sampler.cuh -- what token_sampler.cu and token_draw.cu share. Without a guard: each needs it in its namespace.
//
// Tokens are ordered by one integer, their place: the complement of the logit's order-preserving bits, then the id;
// smaller is better, no two are equal. Top-k, top-p and the draw are the same question: what is the shortest prefix of
// that order with so many tokens, or so much probability? It is answered without sorting, digit by digit: a histogram
// of the first 11 bits says in which bucket the prefix ends, one of the next 11 bits of the tokens in that bucket
// narrows it further, until one token is left. Three digits tell logits apart, two more the ids of equal ones.
//
// Probabilities are exp((logit - largest) / temperature) in double. Their sums are integers, in units of 2^-72: they
// depend neither on the order of additions nor on the grid, and are finer than sums in double.

constexpr int UNROLL = 8;  // loads in flight a thread

constexpr int DIGIT_BITS = 11;
constexpr int BUCKETS = 1 << DIGIT_BITS;
constexpr int LEVELS = 5;
constexpr int ID_BITS = LEVELS * DIGIT_BITS - 32;  // CudaTokenSampler.MAX_VOCABULARY is 2 to the power of this

using u64 = unsigned long long;

/** Tokens and their probability, `high` in units of 2^-40 plus `low` in units of 2^-72. */
struct Tally {
  u64 high;
  u64 low;
  uint32_t count;
  uint32_t id;  // the highest; of a single token its own

  /** The probability in units of 2^-40, rounded once: a larger sum never gives a smaller number. */
  __device__ double mass() const { return double(high + (low >> 32)) + double(uint32_t(low)) * 0x1p-32; }
};

__device__ __forceinline__ Tally operator+(const Tally& a, const Tally& b) {
  return {a.high + b.high, a.low + b.low, a.count + b.count, max(a.id, b.id)};
}

/** A row's way from kernel to kernel, all zero before the first and after the last. */
struct State {
  u64 best;  // order-preserving bits of the largest logit, then the complement of its id: the larger is the better
  Tally likely;  // tokens that min-p leaves
  Tally buckets[BUCKETS];  // all tokens by their first digit
};

static_assert(sizeof(State) == 8 * (4 + 3 * BUCKETS), "CudaTokenSampler.STATE_WORDS");

/** A larger number for a larger logit; NaN as negative infinity, negative zero as zero. */
__device__ __forceinline__ uint32_t ascending_bits(float logit) {
  uint32_t bits = __float_as_uint(isnan(logit) ? -INFINITY : logit == 0 ? 0.0f : logit);
  return bits & 0x80000000u ? ~bits : bits ^ 0x80000000u;
}

/** The logit of these bits; a NaN if no logit has them. */
__device__ __forceinline__ float logit_of(uint32_t ascending) {
  return __uint_as_float(ascending & 0x80000000u ? ascending ^ 0x80000000u : ~ascending);
}

/** Where a token stands in the order of all, best first. */
__device__ __forceinline__ u64 place(float logit, int id) { return u64(~ascending_bits(logit)) << ID_BITS | id; }

/** The digits of a place up to number `level`. */
__device__ __forceinline__ u64 digits(u64 place, int level) { return place >> (LEVELS - 1 - level) * DIGIT_BITS; }

/** Logits of one row as tokens are chosen by. Rows as of layer.SamplerRows. */
struct Scores {
  const float* logits;
  const uint8_t* seen;
  const uint32_t* forbidden;
  float penalty;

  __device__ __forceinline__ Scores(const float* logits, const float* floats, const uint8_t* seen,
                                    const uint32_t* forbidden, int vocabulary, int row)
      : logits(logits + int64_t(row) * vocabulary),
        seen(seen + int64_t(row) * vocabulary),
        forbidden(forbidden + int64_t(row) * ((vocabulary + 31) / 32)),
        penalty(floats[row * 4 + 3]) {}

  /** The logit of a token after the penalty, negative infinity if it is forbidden. */
  __device__ __forceinline__ float operator[](int id) const {
    return allowed(forbidden[id / 32], id, penalised(logits[id], id));
  }

  /** Those of tokens `first`, `first + stride`, ...: all loads in flight at once. 0 beyond the vocabulary. */
  __device__ __forceinline__ void load(int first, int stride, int vocabulary, float (&score)[UNROLL]) const {
    uint32_t bits[UNROLL];
#pragma unroll
    for (int k = 0; k < UNROLL; k++) {
      int id = first + k * stride;
      score[k] = id < vocabulary ? logits[id] : 0;
      bits[k] = id < vocabulary ? forbidden[id / 32] : 0;
    }
#pragma unroll
    for (int k = 0; k < UNROLL; k++) {
      int id = first + k * stride;
      if (id < vocabulary) {
        score[k] = allowed(bits[k], id, penalised(score[k], id));
      }
    }
  }

 private:
  __device__ __forceinline__ float penalised(float score, int id) const {
    if (penalty == 1 || seen[id] == 0) {
      return score;
    }
    return score > 0 ? __fdiv_rn(score, penalty) : __fmul_rn(score, penalty);
  }

  __device__ __forceinline__ static float allowed(uint32_t bits, int id, float score) {
    return bits >> (id % 32) & 1 ? -INFINITY : score;
  }
};

/** Scores of one row, and what makes them probabilities. */
struct Row {
  Scores scores;
  int vocabulary;
  double temperature;
  float largest;
  int best;  // token of the largest

  __device__ __forceinline__ Row(const Scores& scores, const float* floats, const State* states, int vocabulary, int row)
      : scores(scores), vocabulary(vocabulary), temperature(floats[row * 4]) {
    u64 key = states[row].best;
    largest = logit_of(uint32_t(key >> 32));
    best = int(~uint32_t(key));
  }

  /** Whether the largest is taken. An infinite one leaves no probability to others, not even to its equals. */
  __device__ __forceinline__ bool greedy() const { return !(temperature > 0) || isinf(largest); }

  /** Not normalised, at most 1; 0 of a NaN. */
  __device__ __forceinline__ double probability(float logit) const {
    double probability = exp((double(logit) - double(largest)) / temperature);
    return probability > 0 ? probability : 0;
  }
};

/** One token. */
__device__ __forceinline__ Tally tally(double probability, int id) {
  double scaled = probability * 0x1p40;
  u64 high = u64(scaled);
  return {high, u64((scaled - double(high)) * 0x1p32), 1, uint32_t(id)};
}

/** Tallies by digit, in shared memory: only its 32-bit atomics are fast, so a sum is three words and carries. */
struct Histogram {
  uint32_t count[BUCKETS];
  uint32_t id[BUCKETS];
  uint32_t words[3][BUCKETS];  // in units of 2^-72, 2^-40 and 2^-8

  __device__ __forceinline__ void clear() {
    for (int i = threadIdx.x; i < BUCKETS; i += blockDim.x) {
      count[i] = id[i] = words[0][i] = words[1][i] = words[2][i] = 0;
    }
  }

  __device__ __forceinline__ void add(int bucket, const Tally& token) {
    atomicAdd(&count[bucket], 1u);
    atomicMax(&id[bucket], token.id);
    u64 high = token.high;
    if (token.low != 0) {
      high += add_word(&words[0][bucket], uint32_t(token.low));
    }
    if (high != 0) {
      uint32_t top = uint32_t(high >> 32) + add_word(&words[1][bucket], uint32_t(high));
      if (top != 0) {
        atomicAdd(&words[2][bucket], top);
      }
    }
  }

  /** Returns the carry. */
  __device__ __forceinline__ static uint32_t add_word(uint32_t* word, uint32_t value) {
    uint32_t old = atomicAdd(word, value);
    return old + value < old ? 1 : 0;
  }

  __device__ __forceinline__ Tally get(int bucket) const {
    return {u64(words[2][bucket]) << 32 | words[1][bucket], words[0][bucket], count[bucket], id[bucket]};
  }
};

/** Writes a row's token and marks it as seen. */
__device__ __forceinline__ void choose(int token, int row, int vocabulary, uint8_t* seen, int* tokens) {
  tokens[row] = token;
  seen[int64_t(row) * vocabulary + token] = 1;
}

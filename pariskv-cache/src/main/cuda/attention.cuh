// attention.cuh -- what decode attention kernels share: which tokens are attended, and by which warp, and attention of a
// warp on tensor cores. Included by pariskv.cuh.
#pragma once

/**
 * The positions that one KV head attends in a decode step, as one list: selected, sink, recent; or a window. Selected
 * ones come first because with offload they are far away.
 */
struct AttendedTokens {
  int sink;              // tokens of the sink
  int selected;          // tokens selected
  const int* selection;  // [selected] positions in the retrieval zone, which begins behind the sink
  int recent;            // first recent position
  int count;             // all of them

  /** Position of the i-th of them. */
  __device__ __forceinline__ int position(int i) const {
    if (i < selected) {
      return sink + selection[i];
    }
    i -= selected;
    return i < sink ? i : recent + (i - sink);
  }
};

/**
 * @param zones of the sequence, [3]
 * @param window attended tokens of a sliding window, or 0 for none
 * @param selection positions in the retrieval zone, if `selected` is given
 * @param selected how many of them, or nullptr for none
 */
__device__ __forceinline__ AttendedTokens attended_tokens(const int* zones, int window, const int* selection,
                                                          const int* selected) {
  AttendedTokens tokens;
  int length = zones[2];
  bool zoned = window == 0;
  tokens.sink = zoned ? zones[0] : 0;
  tokens.selected = zoned && selected != nullptr ? *selected : 0;
  tokens.selection = selection;
  tokens.recent = zoned ? zones[1] : max(0, length - window);
  tokens.count = tokens.sink + tokens.selected + (length - tokens.recent);
  return tokens;
}

/**
 * Warps of all heads that ask for rows of host memory. On an H100, k = 2,048: 64 take 310 us of 128K tokens and 596 us of a
 * million, 1,024 take 326 and 761: more pages are in use at a time.
 */
constexpr int HOST_WARPS = 64;

/** Which tokens a warp attends: tiles that begin `stride` numbers apart, of numbers `step` apart, all before `end`. */
struct Course {
  int shares;  // blocks that there is work for, at least 1
  int at;      // where its first tile begins
  int step;
  int stride;
  int end;
};

/**
 * Of this warp, in a block of `WARPS` of a grid of (splits, heads, rows).
 *
 * @param selection whether there is one, even if empty: few tokens then, selected ones first
 * @param offload whether those are in host memory
 */
template <int TILE, int WARPS>
__device__ __forceinline__ Course course(const AttendedTokens& tokens, bool selection, bool offload) {
  int splits = int(gridDim.x);
  int split = int(blockIdx.x);
  int warp = split * WARPS + warp_id();
  if (!selection) {
    int shares = max(1, min(splits, ceil_div(tokens.count, TILE * WARPS)));
    return {shares, warp * TILE, 1, shares * WARPS * TILE, tokens.count};
  }
  if (!offload) {
    int shares = max(1, min(splits, ceil_div(tokens.count, TILE)));
    int warps = shares * WARPS;
    return {shares, warp_id() * shares + split, warps, warps * TILE, tokens.count};
  }
  int far = min(ceil_div(tokens.selected, TILE), max(1, HOST_WARPS / int(gridDim.y * gridDim.z)));
  int near = ceil_div(tokens.count - tokens.selected, TILE);
  int shares = max(1, min(splits, ceil_div(far + near, WARPS)));
  far = min(far, shares * WARPS / 2);
  if (warp < far) {
    return {shares, warp * TILE, 1, far * TILE, tokens.selected};
  }
  return {shares, tokens.selected + (warp - far) * TILE, 1, (shares * WARPS - far) * TILE, tokens.count};
}

// ---- Tensor cores -----------------------------------------------------------------------------------------------

/** Two floats, each the sum of three bf16, as three pairs. */
struct Parts {
  uint32_t upper, middle, lower;
};

__device__ __forceinline__ Parts parts(float x, float y) {
  Parts p;
  p.upper = pack_bf16(x, y);
  x -= bf16_low(p.upper);
  y -= bf16_high(p.upper);
  p.middle = pack_bf16(x, y);
  p.lower = pack_bf16(x - bf16_low(p.middle), y - bf16_high(p.middle));
  return p;
}

/** The words of 16 bytes, to index in unrolled loops. */
struct Words {
  uint32_t at[4];

  /** @param address in shared memory, 16-byte aligned */
  __device__ __forceinline__ void load(const char* address) {
    uint4 loaded = *reinterpret_cast<const uint4*>(address);
    at[0] = loaded.x;
    at[1] = loaded.y;
    at[2] = loaded.z;
    at[3] = loaded.w;
  }
};

/**
 * Online softmax (Milakov and Gimelshein 2018) of eight query heads over tiles of 16 tokens, in the registers of a
 * warp. Lane 4g + c has head g.
 *
 * Fragments of the m16n8k16 product come from memory as they are. Keys are the columns of b, and as the order of the
 * 16 summed dims is free while both factors agree, a lane's share of a key is 16 neighbouring bytes. Of values the
 * columns are dims, again in an order that makes a lane's share 16 neighbouring bytes, of four tokens, which are
 * interleaved here. The 16 rows of a are the eight heads twice, with the upper and with the middle 8 bits of a query
 * (or a probability); a second product adds the lowest 8, so factors are exact. A tensor core sums one tile at most.
 */
template <int HEAD_DIM>
struct WarpAttention {
  static constexpr int KEY_PIECES = HEAD_DIM / 32;    // of 16 bytes: a key's share of one lane of four
  static constexpr int VALUE_PIECES = HEAD_DIM / 64;  // a value's share of one lane of eight

  Parts query[KEY_PIECES][4];
  float sums[VALUE_PIECES][2][8];  // [h][half][j] of dim 64h + 16c + 8 * half + j
  float maximum = -INFINITY;       // of the scores, which are in units of log 2
  float total = 0;                 // of the probabilities of this lane's tokens

  /** @param q of head g, or nullptr if there is none */
  __device__ __forceinline__ WarpAttention(const float* q, float scale) {
#pragma unroll
    for (int i = 0; i < KEY_PIECES; i++) {
#pragma unroll
      for (int pair = 0; pair < 4; pair++) {
        float2 two = make_float2(0, 0);
        if (q != nullptr) {
          two = *reinterpret_cast<const float2*>(q + 32 * i + 8 * (lane_id() % 4) + 2 * pair);
        }
        query[i][pair] = parts(two.x * scale, two.y * scale);
      }
    }
#pragma unroll
    for (int i = 0; i < 16 * VALUE_PIECES; i++) {
      sums[i / 16][i / 8 % 2][i % 8] = 0;
    }
  }

  /** Scores of tokens 2c, 2c + 1, 8 + 2c and 9 + 2c; `keys` are those of tokens g and 8 + g, bytes 64i + 16c. */
  __device__ __forceinline__ void score(const Words (&keys)[2][KEY_PIECES], float (&scores)[4]) const {
#pragma unroll
    for (int n = 0; n < 2; n++) {
      float d[4] = {0, 0, 0, 0};
      float lower[4] = {0, 0, 0, 0};
#pragma unroll
      for (int i = 0; i < KEY_PIECES; i++) {
#pragma unroll
        for (int w = 0; w < 4; w += 2) {
          const Parts& a = query[i][w];
          const Parts& b = query[i][w + 1];
          mma_bf16(d, a.upper, a.middle, b.upper, b.middle, keys[n][i].at[w], keys[n][i].at[w + 1]);
          mma_bf16(lower, a.lower, 0, b.lower, 0, keys[n][i].at[w], keys[n][i].at[w + 1]);
        }
      }
      scores[2 * n] = d[0] + (d[2] + lower[0]);
      scores[2 * n + 1] = d[1] + (d[3] + lower[1]);
    }
  }

  /** Turns scores into probabilities relative to the new maximum; returns what the sums so far must shrink by. */
  __device__ __forceinline__ float soften(float (&scores)[4]) {
    float largest = fmaxf(fmaxf(scores[0], scores[1]), fmaxf(scores[2], scores[3]));
    largest = fmaxf(largest, __shfl_xor_sync(FULL_WARP, largest, 1));
    largest = fmaxf(maximum, fmaxf(largest, __shfl_xor_sync(FULL_WARP, largest, 2)));
    float shrink = exp2f(maximum - largest);
    maximum = largest;
    total *= shrink;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      scores[i] = exp2f(scores[i] - largest);
      total += scores[i];
    }
    return shrink;
  }

  /** `values` are those of the four tokens that `weights` are of, bytes 128h + 16g. */
  __device__ __forceinline__ void add(const Words (&values)[4][VALUE_PIECES], const float (&weights)[4],
                                      float shrink) {
    Parts a = parts(weights[0], weights[1]);
    Parts b = parts(weights[2], weights[3]);
#pragma unroll
    for (int h = 0; h < VALUE_PIECES; h++) {
#pragma unroll
      for (int j = 0; j < 8; j++) {
        unsigned pick = j % 2 == 0 ? 0x5410 : 0x7632;  // dim j of two tokens
        uint32_t b0 = __byte_perm(values[0][h].at[j / 2], values[1][h].at[j / 2], pick);
        uint32_t b1 = __byte_perm(values[2][h].at[j / 2], values[3][h].at[j / 2], pick);
        float d[4] = {0, 0, 0, 0};
        mma_bf16(d, a.lower, 0, b.lower, 0, b0, b1);
        mma_bf16(d, a.upper, a.middle, b.upper, b.middle, b0, b1);
        sums[h][0][j] = sums[h][0][j] * shrink + (d[0] + d[2]);
        sums[h][1][j] = sums[h][1][j] * shrink + (d[1] + d[3]);
      }
    }
  }

  /** Ends the tiles: `total` becomes that of all tokens. */
  __device__ __forceinline__ void finish() {
    total += __shfl_xor_sync(FULL_WARP, total, 1);
    total += __shfl_xor_sync(FULL_WARP, total, 2);
  }

  /** Writes the sums of head g to `to`, [HEAD_DIM], 16-byte aligned. */
  __device__ __forceinline__ void store(float* to) const {
#pragma unroll
    for (int i = 0; i < 4 * VALUE_PIECES; i++) {
      const float* from = &sums[i / 4][i / 2 % 2][i % 2 * 4];
      *reinterpret_cast<float4*>(to + 64 * (i / 4) + 16 * (lane_id() % 4) + 8 * (i / 2 % 2) + i % 2 * 4) =
          make_float4(from[0], from[1], from[2], from[3]);
    }
  }
};

// attention.cuh -- decode attention of a warp on tensor cores. Included by pariskv.cuh.
#pragma once

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

/** Eight query heads as their products with keys take them: lane 4g + c has its part of head g. */
template <int HEAD_DIM>
struct WarpQuery {
  static constexpr int PIECES = HEAD_DIM / 16;
  static constexpr int BYTES = PIECES * WARP * (sizeof(uint4) + sizeof(uint2));  // of all lanes

  uint4 upper[PIECES];  // upper and middle parts of dims 32 * (i / 2) + 8c + 4 * (i % 2) and the next, and of the next two
  uint2 lower[PIECES];  // their lower parts

  WarpQuery() = default;

  /** @param q of head g, 16-byte aligned, or nullptr if there is none */
  __device__ __forceinline__ WarpQuery(const float* q, float scale) {
#pragma unroll
    for (int i = 0; i < PIECES; i++) {
      float4 four = make_float4(0, 0, 0, 0);
      if (q != nullptr) {
        four = *reinterpret_cast<const float4*>(q + 32 * (i / 2) + 8 * (lane_id() % 4) + 4 * (i % 2));
      }
      Parts a = parts(four.x * scale, four.y * scale);
      Parts b = parts(four.z * scale, four.w * scale);
      upper[i] = make_uint4(a.upper, a.middle, b.upper, b.middle);
      lower[i] = make_uint2(a.lower, b.lower);
    }
  }

  /** Leaves it in shared memory, from where each lane takes its own part again. */
  __device__ __forceinline__ void save(char* to) const {
    char* to_lower = to + PIECES * WARP * sizeof(uint4);
#pragma unroll
    for (int i = 0; i < PIECES; i++) {
      reinterpret_cast<uint4*>(to)[i * WARP + lane_id()] = upper[i];
      reinterpret_cast<uint2*>(to_lower)[i * WARP + lane_id()] = lower[i];
    }
  }

  __device__ __forceinline__ void load(const char* from) {
    const char* from_lower = from + PIECES * WARP * sizeof(uint4);
#pragma unroll
    for (int i = 0; i < PIECES; i++) {
      upper[i] = reinterpret_cast<const uint4*>(from)[i * WARP + lane_id()];
      lower[i] = reinterpret_cast<const uint2*>(from_lower)[i * WARP + lane_id()];
    }
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

  float sums[VALUE_PIECES][2][8];  // [h][half][j] of dim 64h + 16c + 8 * half + j
  float maximum = -INFINITY;       // of the scores, which are in units of log 2
  float total = 0;                 // of the probabilities of this lane's tokens

  __device__ __forceinline__ WarpAttention() {
#pragma unroll
    for (int i = 0; i < 16 * VALUE_PIECES; i++) {
      sums[i / 16][i / 8 % 2][i % 8] = 0;
    }
  }

  /** Scores of tokens 2c, 2c + 1, 8 + 2c and 9 + 2c; `keys` are those of tokens g and 8 + g, bytes 64i + 16c. */
  static __device__ __forceinline__ void score(const WarpQuery<HEAD_DIM>& query, const Words (&keys)[2][KEY_PIECES],
                                               float (&scores)[4]) {
#pragma unroll
    for (int n = 0; n < 2; n++) {
      float d[4] = {0, 0, 0, 0};
      float lower[4] = {0, 0, 0, 0};
#pragma unroll
      for (int i = 0; i < KEY_PIECES; i++) {
#pragma unroll
        for (int w = 0; w < 4; w += 2) {
          const uint4& a = query.upper[2 * i + w / 2];
          const uint2& b = query.lower[2 * i + w / 2];
          mma_bf16(d, a.x, a.y, a.z, a.w, keys[n][i].at[w], keys[n][i].at[w + 1]);
          mma_bf16(lower, b.x, 0, b.y, 0, keys[n][i].at[w], keys[n][i].at[w + 1]);
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

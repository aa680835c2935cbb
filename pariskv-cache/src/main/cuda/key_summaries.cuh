// key_summaries.cuh -- where summaries of keys are, io.pariskv.backend.cuda.CudaKeyIndex, and what they are made by
//
// Per slot and layer, in device memory, slabs of SLAB_TOKENS keys numbered by zone position:
//   ids      [kvHeads][SLAB_TOKENS][subspaces] u8: a key's centroids in one 16-byte load (headDim 128)
//   records  [kvHeads][SLAB_TOKENS][6 * subspaces] bytes: subspaces packed codes of 32 bits (coordinate j in bits
//            4j to 4j+3), then subspaces bf16 weights: all that a rerank reads of a key is contiguous
// Their addresses: ids and records are [slots][layers][MAX_SLABS], populations [slots][layers] of
// [kvHeads][subspaces][256] i32.
#pragma once

constexpr int BUDGET_FIELDS = 9;  // keys, candidates, k, limits of tiers 6, 5, 4, 3, 2, 1

/** The slab addresses of one slot and layer in a table [slots][layers][MAX_SLABS]. */
__device__ __forceinline__ const uint64_t* index_slabs(const uint64_t* table, int slot, int layer, int layers) {
  return table + (int64_t(slot) * layers + layer) * MAX_SLABS;
}

// ---- The rotation and the levels: io.pariskv.index.HadamardRotation, MagnitudeLevels ----------------------------
// Pinned, as they are part of the format of a summary; a test holds them equal to the Java ones.

/** Coordinates of a subspace. */
constexpr int SUBSPACE_DIM = 8;

/** Centroids of a subspace. */
constexpr int CENTROIDS = 256;

/** What the largest score of a centroid becomes, and what 0 becomes: retrieve.CentroidScores. */
constexpr int SCORE_LEVELS = 31;
constexpr int SCORE_BIAS = 32;

/** Coordinate i is negated before the transform when bit i % 32 of word i / 32 is set. */
__constant__ const uint32_t NEGATED[8] = {0x77ba5cb3u, 0x3c2eab05u, 0x297c1d16u, 0xf9012eb4u,
                                          0x4caed259u, 0x070ea376u, 0x09ae9c9fu, 0x0a980ce2u};

/** A magnitude above so many of these, times the block's norm, has that level. Ascending. */
__constant__ const float LEVEL_BORDERS[7] = {0.0843f, 0.1698f, 0.2578f, 0.3499f, 0.4487f, 0.5585f, 0.6901f};

/** What a level stands for. */
__constant__ const float LEVELS[8] = {0.0420f, 0.1266f, 0.2130f, 0.3025f, 0.3973f, 0.5001f, 0.6169f, 0.7633f};

/**
 * y = H (signs .* y), unscaled, additions in the order of the contract. A head of 8 * lanes coordinates lies in
 * `lanes` neighbouring lanes, a power of two, 8 coordinates a lane. All 32 lanes must take part.
 */
__device__ __forceinline__ void rotate(float (&y)[SUBSPACE_DIM], int lanes) {
  int subspace = lane_id() % lanes;
  uint32_t negated = NEGATED[subspace / 4] >> 8 * (subspace % 4);
#pragma unroll
  for (int i = 0; i < SUBSPACE_DIM; i++) {
    y[i] = __uint_as_float(__float_as_uint(y[i]) ^ (negated >> i & 1u) << 31);
  }
#pragma unroll
  for (int half = 1; half < SUBSPACE_DIM; half *= 2) {
#pragma unroll
    for (int i = 0; i < SUBSPACE_DIM; i++) {
      if ((i & half) == 0) {
        float a = y[i];
        float b = y[i + half];
        y[i] = __fadd_rn(a, b);
        y[i + half] = __fsub_rn(a, b);
      }
    }
  }
#pragma unroll
  for (int distance = 1; distance < lanes; distance *= 2) {
    float sign = (subspace & distance) == 0 ? 1.0f : -1.0f;  // the product is exact: a + b or a - b, rounded once
#pragma unroll
    for (int i = 0; i < SUBSPACE_DIM; i++) {
      y[i] = __fmaf_rn(sign, y[i], __shfl_xor_sync(FULL_WARP, y[i], distance));
    }
  }
}

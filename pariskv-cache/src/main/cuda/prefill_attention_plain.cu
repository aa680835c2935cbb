// prefill_attention_plain.cu -- stage 6 where prefill_attention.cu does not reach: f32 K and V, other head sizes to 256
//
// The same online softmax in base 2 and the same packing of the heads of a group into rows, in f32 alone. A warp has four rows, so that a key or value is read once for four; its lanes share the numbers of a head, and
// each keeps one score of a tile of 32 keys. The warps of a block read the same keys, mostly from L1.
//
// Bound by instructions, a warp's sum for each row and key above all: a few percent of what the other kernel does.
// grid (ceil(rows * group / 32), kvHeads), block 256.
#include "pariskv.cuh"

constexpr int ROWS = 4;      // of a warp
constexpr int NUMBERS = 8;   // of a head, a lane: number i of lane l is 32 * i + l
constexpr int KEYS = WARP;   // of a tile; it never crosses a slab
constexpr int NO_WINDOW = 1 << 30;

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(uint16_t x) { return bf16_to_float(x); }

/** This lane's numbers of a row; zeros behind the head. */
template <typename T>
__device__ __forceinline__ void load(float (&x)[NUMBERS], const T* row, int head_dim) {
#pragma unroll
  for (int i = 0; i < NUMBERS; i++) {
    int at = i * WARP + lane_id();
    x[i] = at < head_dim ? to_float(row[at]) : 0;
  }
}

/** Rows of one warp. */
struct Rows {
  int position[ROWS];
  int64_t index[ROWS];  // in [rows][heads]
  float query[ROWS][NUMBERS];
  float sums[ROWS][NUMBERS];  // of weighted values
  float top[ROWS];            // largest score so far
  float weight[ROWS];         // sum of weights

  /** Finds rows and queries; behind the end the last row again. */
  __device__ __forceinline__ void begin(const float* q, int row0, int start, int rows, int group, int head_dim,
                                        float scale) {
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      int packed = min(row0 + r, rows * group - 1);
      position[r] = start + packed / group;
      index[r] = (int64_t(packed / group) * gridDim.y + blockIdx.y) * group + packed % group;
      load(query[r], q + index[r] * head_dim, head_dim);
      top[r] = -INFINITY;
      weight[r] = 0;
#pragma unroll
      for (int i = 0; i < NUMBERS; i++) {
        query[r][i] *= scale;
        sums[r][i] = 0;
      }
    }
  }

  /** Scores of `count` keys, one a lane; minus infinity for those that a row does not attend. */
  template <typename T>
  __device__ __forceinline__ void score(float (&s)[ROWS], const T* keys, int token, int count, int head_dim,
                                        int window) {
    for (int j = 0; j < count; j++) {
      float key[NUMBERS];
      load(key, keys + int64_t(j) * KV_ROWS * head_dim, head_dim);
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        float dot = 0;
#pragma unroll
        for (int i = 0; i < NUMBERS; i++) {
          dot += query[r][i] * key[i];
        }
        dot = warp_sum(dot);
        s[r] = lane_id() == j ? dot : s[r];
      }
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      int own = position[r] - token;
      if (lane_id() >= count || lane_id() > own || lane_id() <= own - window) {
        s[r] = -INFINITY;
      }
    }
  }

  /** Scores become weights relative to the largest score so far; what was summed before is scaled to that. */
  __device__ __forceinline__ void soften(float (&s)[ROWS]) {
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      float largest = warp_max(fmaxf(top[r], s[r]));
      float base = largest == -INFINITY ? 0 : largest;  // no key of the row so far: weights are 0, not NaN
      float rescale = exp2f(top[r] - base);
      top[r] = largest;
      s[r] = exp2f(s[r] - base);
      weight[r] = weight[r] * rescale + warp_sum(s[r]);
#pragma unroll
      for (int i = 0; i < NUMBERS; i++) {
        sums[r][i] *= rescale;
      }
    }
  }

  /** Adds the weighted values of a tile. */
  template <typename T>
  __device__ __forceinline__ void add(const float (&s)[ROWS], const T* values, int count, int head_dim) {
    for (int j = 0; j < count; j++) {
      float value[NUMBERS];
      load(value, values + int64_t(j) * KV_ROWS * head_dim, head_dim);
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        float share = __shfl_sync(FULL_WARP, s[r], j);
#pragma unroll
        for (int i = 0; i < NUMBERS; i++) {
          sums[r][i] += share * value[i];
        }
      }
    }
  }

  __device__ __forceinline__ void end(float* out, int count, int head_dim) {
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      if (r >= count) {
        return;
      }
#pragma unroll
      for (int i = 0; i < NUMBERS; i++) {
        int at = i * WARP + lane_id();
        if (at < head_dim) {
          out[index[r] * head_dim + at] = sums[r][i] / weight[r];
        }
      }
    }
  }
};

template <typename T>
__device__ __forceinline__ void attend(const float* q, float* out, const uint64_t* keys, const uint64_t* values,
                                       int first_slab, int start, int rows, int group, int head_dim, int window,
                                       float scale) {
  const int row0 = (int(gridDim.x - 1 - blockIdx.x) * warp_count() + warp_id()) * ROWS;
  if (row0 >= rows * group) {  // warps of a block do not wait for each other
    return;
  }
  window = window == 0 ? NO_WINDOW : window;
  Rows block;
  block.begin(q, row0, start, rows, group, head_dim, scale);
  const int from = max(0, block.position[0] - window + 1) / KEYS * KEYS;
  const int to = block.position[ROWS - 1] + 1;
  for (int token = from; token < to; token += KEYS) {
    int slab = slab_index(token) - first_slab;
    int64_t offset = slab_offset(blockIdx.y, token, KV_ROWS * head_dim);
    int count = min(KEYS, to - token);
    float s[ROWS] = {};
    block.score(s, reinterpret_cast<const T*>(keys[slab]) + offset, token, count, head_dim, window);
    block.soften(s);
    block.add(s, reinterpret_cast<const T*>(values[slab]) + offset, count, head_dim);
  }
  block.end(out, rows * group - row0, head_dim);
}

extern "C" __global__ void prefill_attention_plain_f32(
    const float* q,          // [rows][heads][headDim]
    float* out,              // [rows][heads][headDim]
    const uint64_t* keys,    // [slabs] see pariskv.cuh
    const uint64_t* values,  // the same
    int first_slab,          // of the sequence: rows of earlier ones are in nobody's window
    int start, int rows, int group, int head_dim, int window, float scale) {
  attend<float>(q, out, keys, values, first_slab, start, rows, group, head_dim, window, scale);
}

extern "C" __global__ void prefill_attention_plain_bf16(const float* q, float* out, const uint64_t* keys,
                                                        const uint64_t* values, int first_slab, int start, int rows,
                                                        int group, int head_dim, int window, float scale) {
  attend<uint16_t>(q, out, keys, values, first_slab, start, rows, group, head_dim, window, scale);
}

// qkv_preparation.cu -- attention.QkvPreparation: QK-norm and rotary embedding of the new rows' queries and keys, and
// their keys and values into the store, in one launch.
//
// A warp takes one head of q, k or v of one row. A lane has pairs (i, i + half) of numbers, 32 lanes next to each other,
// up to HELD in registers; what is beyond is read again. With offload a row of K or V goes to the resident copy and later
// to its slab, as kv_append.cu says.
// A decode step is bound by latency, a chunk of a prompt by its bytes: 8 a number of q, 6 one of k and v.
// grid ceil(rows * heads of a row / 4), block 128, where a row has heads + 2 * kvHeads, or heads + kvHeads if its keys
// stay where they are.
#include "pariskv.cuh"

constexpr int HELD = 4;  // pairs of a lane: heads of up to 256 numbers

__device__ __forceinline__ void store(uint16_t* to, float x) { *to = float_to_bf16(x); }

__device__ __forceinline__ void store(float* to, float x) { *to = x; }

/** One head in the hands of a warp: a lane's pairs (i, i + half) are those with i = lane, lane + 32 and so on. */
struct Head {
  const float* norm;     // [2 * half], or nullptr for no norm; so are all conditions on it the same for the whole warp
  const float* cosines;  // [half], and sines behind them, or nullptr for no rotation
  const float* x;        // [2 * half]
  int half;
  float2 weights[HELD];
  float2 numbers[HELD];
  float2 angles[HELD];

  __device__ __forceinline__ float2 weight(int i) const { return make_float2(__ldg(norm + i), __ldg(norm + i + half)); }

  __device__ __forceinline__ float2 number(int i) const { return make_float2(x[i], x[i + half]); }

  __device__ __forceinline__ float2 angle(int i) const { return make_float2(cosines[i], cosines[i + half]); }

  /** Reads the weights of the norm, which no kernel of a step writes. */
  __device__ __forceinline__ void load_weights() {
#pragma unroll
    for (int j = 0; j < HELD; j++) {
      int i = lane_id() + j * WARP;
      weights[j] = norm != nullptr && i < half ? weight(i) : make_float2(0, 0);
    }
  }

  /** Reads the rest, all at once. */
  __device__ __forceinline__ void load() {
#pragma unroll
    for (int j = 0; j < HELD; j++) {
      int i = lane_id() + j * WARP;
      numbers[j] = i < half ? number(i) : make_float2(0, 0);
      angles[j] = cosines != nullptr && i < half ? angle(i) : make_float2(0, 0);
    }
  }

  /** Gives each number and what becomes of it to `put`, which may change x. */
  template <typename Put>
  __device__ __forceinline__ void finish(float epsilon, Put put) const {
    float factor = norm != nullptr ? 1.0f / sqrtf(warp_sum(squares()) / (2 * half) + epsilon) : 1.0f;
#pragma unroll
    for (int j = 0; j < HELD; j++) {
      int i = lane_id() + j * WARP;
      if (i < half) {
        finish(i, numbers[j], factor, weights[j], angles[j], put);
      }
    }
    for (int i = lane_id() + HELD * WARP; i < half; i += WARP) {
      float2 none = make_float2(0, 0);
      finish(i, number(i), factor, norm != nullptr ? weight(i) : none, cosines != nullptr ? angle(i) : none, put);
    }
  }

  /** A lane's part of their sum. */
  __device__ __forceinline__ float squares() const {
    float sum = 0;
#pragma unroll
    for (int j = 0; j < HELD; j++) {
      sum += numbers[j].x * numbers[j].x + numbers[j].y * numbers[j].y;
    }
    for (int i = lane_id() + HELD * WARP; i < half; i += WARP) {
      sum += x[i] * x[i] + x[i + half] * x[i + half];
    }
    return sum;
  }

  template <typename Put>
  __device__ __forceinline__ void finish(int i, float2 pair, float factor, float2 weight, float2 angle, Put put) const {
    if (norm != nullptr) {
      pair = make_float2(pair.x * factor * weight.x, pair.y * factor * weight.y);
    }
    if (cosines != nullptr) {
      pair = make_float2(pair.x * angle.x - pair.y * angle.y, pair.y * angle.x + pair.x * angle.y);
    }
    put(i, pair.x);
    put(i + half, pair.y);
  }
};

template <typename T>
__device__ __forceinline__ void prepare(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                        int layers, const int* slots, const int* positions, int slot, int start,
                                        const int* saved, float* q, float* k, float* v, const float* q_norm, const float* k_norm,
                                        float epsilon, const float* angles, int rows, int heads, int kv_heads,
                                        int width, int stored) {
  int of_row = heads + (stored ? 2 : 1) * kv_heads;
  int64_t warp = global_x() / WARP;
  int row = int(warp / of_row);
  int head = int(warp % of_row);
  int which = head < heads ? 0 : 1 + (head - heads) / kv_heads;  // q, k or v
  float* x = which == 0 ? q + (int64_t(row) * heads + head) * width : nullptr;
  if (which > 0) {
    head = (head - heads) % kv_heads;
    x = (which == 1 ? k : v) + (int64_t(row) * kv_heads + head) * width;
  }
  Head of;
  of.norm = which == 0 ? q_norm : which == 1 ? k_norm : nullptr;
  of.cosines = which < 2 ? angles + int64_t(row) * width : nullptr;
  of.x = x;
  of.half = width / 2;
  of.load_weights();
  await_previous();
  release_next();
  if (row >= rows) {  // whole warps of the last block
    return;
  }
  of.load();
  if (which == 0 || !stored) {
    of.finish(epsilon, [&](int i, float y) { x[i] = y; });
    return;
  }
  int sequence = slots != nullptr ? slots[row] : slot;
  int position = slots != nullptr ? positions[row] : start + row;
  int length = zones[int64_t(sequence) * ZONE_FIELDS + 2];
  KvHead<T> kv = kv_head<T>(slabs, residents, length, sequence, layer, layers, which - 1, head, kv_heads, width);
  T* resident = kv.has_resident(position) ? const_cast<T*>(kv.row(position)) : nullptr;
  T* slab = nullptr;
  if (resident == nullptr || position < saved[sequence]) {
    kv.resident = nullptr;  // from here on its rows are those of the slabs
    slab = const_cast<T*>(kv.row(position));
  }
  of.finish(epsilon, [&](int i, float y) {
    if (resident != nullptr) {
      store(resident + i, y);
    }
    if (slab != nullptr) {
      store(slab + i, y);
    }
  });
}

extern "C" __global__ void __launch_bounds__(128) qkv_preparation_bf16(
    const uint64_t* slabs,      // see kv_rows.cuh
    const uint64_t* residents,  // [slots], or nullptr
    const int* zones,           // [slots][3]
    int layer, int layers,
    const int* slots,      // [rows], or nullptr: all rows are of `slot`
    const int* positions,  // [rows], or nullptr: they follow from `start`
    int slot, int start,
    const int* saved,     // [slots] see pariskv.cuh, or nullptr without offload
    float* q,             // [rows][heads][headDim], changed
    float* k,             // [rows][kvHeads][headDim], changed if not `stored`
    float* v,             // [rows][kvHeads][headDim], not changed
    const float* qNorm,   // [headDim], or nullptr for no norm
    const float* kNorm,   // [headDim], or nullptr for no norm
    float epsilon,
    const float* angles,  // [rows][2][headDim / 2] cosines and sines
    int rows, int heads, int kvHeads, int headDim,
    int stored) {  // whether k and v go to the store; else k stays where it is and v is left alone
  prepare<uint16_t>(slabs, residents, zones, layer, layers, slots, positions, slot, start, saved, q, k, v, qNorm,
                    kNorm, epsilon, angles, rows, heads, kvHeads, headDim, stored);
}

/** The same for a store of f32. */
extern "C" __global__ void __launch_bounds__(128) qkv_preparation_f32(
    const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, const int* slots,
    const int* positions, int slot, int start, const int* saved, float* q, float* k, float* v, const float* qNorm,
    const float* kNorm, float epsilon, const float* angles, int rows, int heads, int kvHeads, int headDim,
    int stored) {
  prepare<float>(slabs, residents, zones, layer, layers, slots, positions, slot, start, saved, q, k, v, qNorm, kNorm,
                 epsilon, angles, rows, heads, kvHeads, headDim, stored);
}

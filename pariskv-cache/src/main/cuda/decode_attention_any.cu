// decode_attention_any.cu -- attention.DecodeAttention for any head size and type, in plain f32.
//
// A block serves up to eight query heads of one KV head and one of `splits` even shares of the attended tokens, in
// tiles of 16 that it brings to shared memory as f32. Then a thread has a (head, token) for the scores and several
// (head, dim) for the sums. The last block of a KV head merges all (shares.cuh). Bound by shared memory, two loads a
// multiply-add: for the shapes that decode_attention.cu does not take, not for speed.
// grid (splits, kvHeads * ceil(group / 8), rows), block 128, dynamic shared memory 4 * (48 * headDim + 152) bytes.
#include "pariskv.cuh"

constexpr int TILE = 16;
constexpr int HEADS = BLOCK_HEADS;
constexpr int THREADS = 128;
static_assert(HEADS * TILE == THREADS, "a thread for each score of a tile");

__device__ __forceinline__ void unpack(uint16_t, uint4 words, float* to) {
  float values[8];
  unpack_bf16(words, values);
#pragma unroll
  for (int i = 0; i < 8; i++) {
    to[i] = values[i];
  }
}

__device__ __forceinline__ void unpack(float, uint4 words, float* to) {
  to[0] = __uint_as_float(words.x);
  to[1] = __uint_as_float(words.y);
  to[2] = __uint_as_float(words.z);
  to[3] = __uint_as_float(words.w);
}

__device__ __forceinline__ float to_float(uint16_t value) { return bf16_to_float(value); }

__device__ __forceinline__ float to_float(float value) { return value; }

/**
 * Brings rows of `count` tokens from number `first` on to shared memory, `stride` floats each, and those that a cache is
 * to have there as well.
 */
template <typename T>
__device__ __forceinline__ void load_tile(const AttendedRows<T>& rows, int first, int count, float* to, int stride) {
  constexpr int WIDE = 16 / sizeof(T);
  int width = rows.kv.width;
  bool wide = width % WIDE == 0;  // so every row begins at 16 bytes
  int pieces = wide ? width / WIDE : width;
#pragma unroll 4
  for (int i = threadIdx.x; i < count * pieces; i += THREADS) {
    int token = i / pieces;
    int piece = i % pieces;
    const T* row = rows.row(first + token);
    T* keep = rows.keep(first + token);
    if (wide) {
      uint4 words = load128_once(row + piece * WIDE);
      unpack(T(), words, to + token * stride + piece * WIDE);
      if (keep != nullptr) {
        store128(keep + piece * WIDE, words);
      }
    } else {
      T value = row[piece];
      to[token * stride + piece] = to_float(value);
      if (keep != nullptr) {
        keep[piece] = value;
      }
    }
  }
}

template <typename T>
__device__ __forceinline__ void attend(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, const int* slots, const int* selection, const int* selected,
                                       int capacity, const int2* sources, const int* misses,
                                       const uint64_t* cache, int cached, int window, const float* q,
                                       float scale, int kvHeads, int group, int width, float* sums, float2* weights,
                                       int* arrived, float* out_rows) {
  extern __shared__ float shared[];
  int key_stride = width + 1;  // spreads tokens over the banks
  float* query = shared;                       // [HEADS][width]
  float* out = query + HEADS * width;          // [HEADS][width]
  float* keys = out + HEADS * width;           // [TILE][key_stride]
  float* values = keys + TILE * key_stride;    // [TILE][width]
  float* scores = values + TILE * width;       // [HEADS][TILE]
  float* shrinks = scores + HEADS * TILE;      // [HEADS]
  HeadBlock block = head_block(kvHeads, group);
  int heads = block.count;
  await_previous();
  release_next();

  int slot = slots[blockIdx.z];
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  AttendedTokens tokens = attended_tokens(zone, window, selection + int64_t(block.kv_row) * capacity,
                                          selected == nullptr ? nullptr : selected + block.kv_row);
  int tiles = ceil_div(tokens.count, TILE);
  int split = blockIdx.x;
  Shares shares(block, width, max(1, min(int(gridDim.x), tiles)), sums, weights, arrived, out_rows);
  if (split >= shares.count) {  // the whole block
    return;
  }
  auto attended = [&](int which) {
    AttendedRows<T> rows;
    rows.kv = kv_head<T>(slabs, residents, zone[2], slot, layer, layers, which, block.kv_head, kvHeads, width);
    rows.tokens = tokens;
    rows.cache = cached_rows<T>(selected == nullptr ? nullptr : sources, misses, cache, cached, block.kv_row,
                              capacity, slot, layer, layers, which, block.kv_head, kvHeads, width);
    return rows;
  };
  AttendedRows<T> k = attended(0);
  AttendedRows<T> v = attended(1);
  for (int i = threadIdx.x; i < heads * width; i += THREADS) {
    query[i] = q[block.first * width + i] * scale;
    out[i] = 0;
  }
  int head = threadIdx.x / TILE;  // of this thread's scores: 16 lanes have one head
  int token = threadIdx.x % TILE;
  float maximum = -INFINITY;
  float total = 0;
  int end = int(int64_t(tiles) * (split + 1) / shares.count);
  for (int tile = int(int64_t(tiles) * split / shares.count); tile < end; tile++) {
    int count = min(TILE, tokens.count - tile * TILE);
    load_tile(k, tile * TILE, count, keys, key_stride);
    load_tile(v, tile * TILE, count, values, width);
    __syncthreads();  // the tile, and at first the queries, are in shared memory
    float score = -INFINITY;
    if (head < heads && token < count) {
      score = 0;
      for (int d = 0; d < width; d++) {
        score = fmaf(query[head * width + d], keys[token * key_stride + d], score);
      }
    }
    float largest = score;
    for (int distance = TILE / 2; distance > 0; distance /= 2) {  // stays within the 16 lanes
      largest = fmaxf(largest, __shfl_xor_sync(FULL_WARP, largest, distance));
    }
    largest = fmaxf(maximum, largest);
    float weight = head < heads ? exp2f(score - largest) : 0;
    float shrink = exp2f(maximum - largest);
    maximum = largest;
    total = total * shrink + weight;
    scores[threadIdx.x] = weight;
    if (token == 0) {
      shrinks[head] = shrink;
    }
    __syncthreads();  // the weights are in shared memory
    for (int i = threadIdx.x; i < heads * width; i += THREADS) {
      int of = i / width;
      float sum = out[i] * shrinks[of];
      for (int t = 0; t < count; t++) {
        sum = fmaf(scores[of * TILE + t], values[t * width + i % width], sum);
      }
      out[i] = sum;
    }
    __syncthreads();  // the tile may be overwritten
  }
  for (int distance = TILE / 2; distance > 0; distance /= 2) {
    total += __shfl_xor_sync(FULL_WARP, total, distance);
  }
  if (head < heads && token == 0) {
    shares.weight(head) = make_float2(maximum, total);
  }
  for (int i = threadIdx.x; i < heads * width; i += THREADS) {  // each its own: no barrier
    shares.sum(i / width)[i % width] = out[i];
  }
  if (!shares.last_to_arrive()) {
    return;
  }
  if (width % 4 == 0) {  // rows and all of their buffers begin at 16 bytes
    shares.merge<float4>();
  } else {
    shares.merge<float>();
  }
}

extern "C" __global__ void __launch_bounds__(128, 4) decode_attention_bf16(
    const uint64_t* slabs,      // see pariskv.cuh
    const uint64_t* residents,  // [slots], or nullptr
    const int* zones,           // [slots][3]
    int layer, int layers,
    const int* slots,      // [rows]
    const int* selection,  // [rows][kvHeads][capacity], or nullptr
    const int* selected,   // [rows][kvHeads], or nullptr
    int capacity,
    const int2* sources,    // see decode_attention.cu, as the next three
    const int* misses,      // [rows][kvHeads], or nullptr
    const uint64_t* cache,  // [slots][layers], or nullptr
    int cachedRows,
    int window,      // tokens of a sliding window, or 0
    const float* q,  // [rows][kvHeads][group][headDim]
    float scale,     // of scores, to units of log 2
    int kvHeads, int group, int headDim,
    float* sums,      // scratch, [rows][kvHeads][group][splits][headDim]
    float2* weights,  // scratch, [rows][kvHeads][group][splits]
    int* arrived,     // scratch, [rows][kvHeads * ceil(group / 8)] zeros, and zeros again at the end
    float* out) {     // [rows][kvHeads][group][headDim]
  attend<uint16_t>(slabs, residents, zones, layer, layers, slots, selection, selected, capacity, sources, misses,
                   cache, cachedRows, window, q, scale, kvHeads, group, headDim, sums, weights, arrived, out);
}

/** The same for a store of f32. */
extern "C" __global__ void __launch_bounds__(128, 4) decode_attention_f32(
    const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, const int* slots,
    const int* selection, const int* selected, int capacity, const int2* sources, const int* misses,
    const uint64_t* cache, int cachedRows, int window, const float* q, float scale, int kvHeads, int group,
    int headDim, float* sums, float2* weights, int* arrived, float* out) {
  attend<float>(slabs, residents, zones, layer, layers, slots, selection, selected, capacity, sources, misses,
                cache, cachedRows, window, q, scale, kvHeads, group, headDim, sums, weights, arrived, out);
}

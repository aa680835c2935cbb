// per_head_attention.cu -- attention.PerHeadAttention: every query head attends keys of its own, in plain f32.
//
// A block has one query head and one of `splits` even shares of its tokens, in tiles of 64. For the scores neighbouring
// lanes share a key, 16 bytes a lane, four keys of a lane in flight; for the sums a thread has 16 bytes of every n-th
// value, again four in flight, and its sums in shared memory. The last block of a head merges all (shares.cuh).
// Bound by bytes and by latency: heads of a group have their own keys, so nothing is shared but what caches keep of the
// sink and the recent tokens.
// grid (splits, heads, rows), block 128, dynamic shared memory 4 * max((1 + sharers) * headDim, 128) bytes, where
// sharers = max(1, 128 / pieces), and a row has headDim / (16 bytes) pieces, or headDim if 16 bytes do not divide it.
#include "pariskv.cuh"

constexpr int TILE = 2 * WARP;
constexpr int THREADS = 128;
constexpr int IN_FLIGHT = 4;

__device__ __forceinline__ void load(const uint16_t* from, float (&to)[8]) { unpack_bf16(load128_once(from), to); }

__device__ __forceinline__ void load(const float* from, float (&to)[4]) {
  uint4 words = load128_once(from);
  to[0] = __uint_as_float(words.x);
  to[1] = __uint_as_float(words.y);
  to[2] = __uint_as_float(words.z);
  to[3] = __uint_as_float(words.w);
}

__device__ __forceinline__ void load(const uint16_t* from, float (&to)[1]) { to[0] = bf16_to_float(*from); }

__device__ __forceinline__ void load(const float* from, float (&to)[1]) { to[0] = *from; }

/** Scores of `count` tokens at `positions`, with the query scaled already. All threads of the block call it. */
template <typename T, int COUNT>
__device__ __forceinline__ void score(const KvHead<T>& k, const float* query, const int* positions, int count,
                                      int pieces, float* scores) {
  int lanes = 1;  // that share a key
  while (lanes < pieces && lanes < WARP) {
    lanes *= 2;
  }
  int lane = int(threadIdx.x) % lanes;
  int keys = THREADS / lanes;  // of the block at a time
  for (int first = int(threadIdx.x) / lanes; first - int(threadIdx.x) / lanes < count; first += IN_FLIGHT * keys) {
    const T* rows[IN_FLIGHT];
    float dots[IN_FLIGHT];
#pragma unroll
    for (int j = 0; j < IN_FLIGHT; j++) {
      rows[j] = k.row(positions[min(first + j * keys, count - 1)]);  // all lanes have a key, for the shuffles
      dots[j] = 0;
    }
    for (int piece = lane; piece < pieces; piece += lanes) {
      float values[IN_FLIGHT][COUNT];
#pragma unroll
      for (int j = 0; j < IN_FLIGHT; j++) {
        load(rows[j] + piece * COUNT, values[j]);
      }
#pragma unroll
      for (int c = 0; c < COUNT; c++) {
        float x = query[piece * COUNT + c];
#pragma unroll
        for (int j = 0; j < IN_FLIGHT; j++) {
          dots[j] = fmaf(x, values[j][c], dots[j]);
        }
      }
    }
#pragma unroll
    for (int j = 0; j < IN_FLIGHT; j++) {
      for (int distance = lanes / 2; distance > 0; distance /= 2) {  // stays within the lanes of a key
        dots[j] += __shfl_xor_sync(FULL_WARP, dots[j], distance);
      }
      if (lane == 0 && first + j * keys < count) {
        scores[first + j * keys] = dots[j];
      }
    }
  }
}

/** partial = partial * shrink + the weighted sum of every `sharers`-th value from number `sharer` on, 16 bytes of each. */
template <typename T, int COUNT>
__device__ __forceinline__ void add(const KvHead<T>& v, const float* weights, const int* positions, int count,
                                    int sharer, int sharers, int piece, float shrink, float* partial) {
  float sums[COUNT];
#pragma unroll
  for (int c = 0; c < COUNT; c++) {
    sums[c] = partial[c] * shrink;
  }
  for (int first = sharer; first < count; first += IN_FLIGHT * sharers) {
    float values[IN_FLIGHT][COUNT];
#pragma unroll
    for (int j = 0; j < IN_FLIGHT; j++) {
      load(v.row(positions[min(first + j * sharers, count - 1)]) + piece * COUNT, values[j]);
    }
#pragma unroll
    for (int j = 0; j < IN_FLIGHT; j++) {
      if (first + j * sharers < count) {
        float weight = weights[first + j * sharers];
#pragma unroll
        for (int c = 0; c < COUNT; c++) {
          sums[c] = fmaf(weight, values[j][c], sums[c]);
        }
      }
    }
  }
#pragma unroll
  for (int c = 0; c < COUNT; c++) {
    partial[c] = sums[c];
  }
}

/** COUNT numbers a piece; headDim is a multiple of it. */
template <typename T, int COUNT>
__device__ __forceinline__ void attend(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, const int* slots, const int* selection, const int* selected,
                                       const float* log_weights, int capacity, int window, const float* q, float scale,
                                       int group, int width, float* sums, float2* weights, int* arrived,
                                       float* out_rows) {
  extern __shared__ float shared[];
  __shared__ int positions[TILE];
  __shared__ float scores[TILE];
  __shared__ float probabilities[TILE];
  int pieces = width / COUNT;
  int sharers = max(1, THREADS / pieces);
  int sharer = int(threadIdx.x) / pieces;
  int piece_of_thread = int(threadIdx.x) % pieces;
  float* query = shared;           // [width]
  float* partials = query + width;  // [sharers][width], each number of one thread
  int heads = gridDim.y;
  HeadBlock block;
  block.kv_head = int(blockIdx.y) / group;
  block.kv_row = int(blockIdx.z) * (heads / group) + block.kv_head;
  block.first = int64_t(blockIdx.z) * heads + blockIdx.y;
  block.count = 1;
  await_previous();
  release_next();

  int slot = slots[blockIdx.z];
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  AttendedTokens tokens = attended_tokens(zone, window, selection + block.first * capacity, selected + block.first);
  int tiles = ceil_div(tokens.count, TILE);
  int split = blockIdx.x;
  Shares shares(block, width, max(1, min(int(gridDim.x), tiles)), sums, weights, arrived, out_rows);
  if (split >= shares.count) {  // the whole block
    return;
  }
  KvHead<T> k = kv_head<T>(slabs, residents, zone[2], slot, layer, layers, 0, block.kv_head, heads / group, width);
  KvHead<T> v = kv_head<T>(slabs, residents, zone[2], slot, layer, layers, 1, block.kv_head, heads / group, width);
  for (int i = threadIdx.x; i < width; i += THREADS) {
    query[i] = q[block.first * width + i] * scale;
  }
  for (int i = threadIdx.x; i < sharers * width; i += THREADS) {
    partials[i] = 0;
  }
  float maximum = -INFINITY;
  float total = 0;
  int end = int(int64_t(tiles) * (split + 1) / shares.count);
  for (int tile = int(int64_t(tiles) * split / shares.count); tile < end; tile++) {
    int count = min(TILE, tokens.count - tile * TILE);
    if (threadIdx.x < count) {
      positions[threadIdx.x] = tokens.position(tile * TILE + threadIdx.x);
    }
    __syncthreads();  // positions, and at first the query and zeros, are in shared memory
    score<T, COUNT>(k, query, positions, count, pieces, scores);
    __syncthreads();  // the scores are there
    float of_lane[2];  // every warp has all of them
    float largest = maximum;
#pragma unroll
    for (int i = 0; i < 2; i++) {
      int token = lane_id() + i * WARP;
      of_lane[i] = token < count ? scores[token] : -INFINITY;
      if (log_weights != nullptr && token < count && tile * TILE + token < tokens.selected) {
        of_lane[i] += log_weights[block.first * capacity + tile * TILE + token] * 1.44269504f;  // to units of log 2
      }
      largest = fmaxf(largest, of_lane[i]);
    }
    largest = warp_max(largest);
    float shrink = maximum == largest ? 1 : exp2f(maximum - largest);
    maximum = largest;
    total *= shrink;
#pragma unroll
    for (int i = 0; i < 2; i++) {
      of_lane[i] = of_lane[i] == -INFINITY ? 0 : exp2f(of_lane[i] - largest);
      if (warp_id() == 0) {
        probabilities[lane_id() + i * WARP] = of_lane[i];
      }
    }
    total += warp_sum(of_lane[0] + of_lane[1]);
    __syncthreads();  // the probabilities are there
    if (sharer < sharers) {
      for (int piece = piece_of_thread; piece < pieces; piece += THREADS) {
        add<T, COUNT>(v, probabilities, positions, count, sharer, sharers, piece, shrink,
                      partials + sharer * width + piece * COUNT);
      }
    }
    __syncthreads();  // the tile may be overwritten, and in the end partials are there
  }
  if (threadIdx.x == 0) {
    shares.weight(0) = make_float2(maximum, total);
  }
  for (int i = threadIdx.x; i < width; i += THREADS) {
    float sum = 0;
    for (int s = 0; s < sharers; s++) {
      sum += partials[s * width + i];
    }
    shares.sum(0)[i] = sum;
  }
  if (!shares.last_to_arrive()) {
    return;
  }
  if (width % 4 == 0) {  // rows and all of their buffers begin at 16 bytes
    shares.merge<float4>(shared);
  } else {
    shares.merge<float>(shared);
  }
}

extern "C" __global__ void __launch_bounds__(128) per_head_attention_bf16(
    const uint64_t* slabs,      // see kv_rows.cuh
    const uint64_t* residents,  // [slots], or nullptr
    const int* zones,           // [slots][3]
    int layer, int layers,
    const int* slots,          // [rows]
    const int* selection,      // [rows][heads][capacity]
    const int* selected,       // [rows][heads]
    const float* log_weights,  // [rows][heads][capacity], or nullptr
    int capacity,
    int window,      // tokens of a sliding window, or 0
    const float* q,  // [rows][heads][headDim]
    float scale,     // of scores, to units of log 2
    int group, int headDim,
    float* sums,      // scratch, [rows][heads][splits][headDim]
    float2* weights,  // scratch, [rows][heads][splits]
    int* arrived,     // scratch, [rows][heads] zeros, and zeros again at the end
    float* out) {     // [rows][heads][headDim]
  if (headDim % 8 == 0) {  // so every row begins at 16 bytes
    attend<uint16_t, 8>(slabs, residents, zones, layer, layers, slots, selection, selected, log_weights, capacity,
                        window, q, scale, group, headDim, sums, weights, arrived, out);
  } else {
    attend<uint16_t, 1>(slabs, residents, zones, layer, layers, slots, selection, selected, log_weights, capacity,
                        window, q, scale, group, headDim, sums, weights, arrived, out);
  }
}

/** The same for a store of f32. */
extern "C" __global__ void __launch_bounds__(128)
    per_head_attention_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers,
                           const int* slots, const int* selection, const int* selected, const float* log_weights,
                           int capacity, int window, const float* q, float scale, int group, int headDim, float* sums,
                           float2* weights, int* arrived, float* out) {
  if (headDim % 4 == 0) {
    attend<float, 4>(slabs, residents, zones, layer, layers, slots, selection, selected, log_weights, capacity, window,
                     q, scale, group, headDim, sums, weights, arrived, out);
  } else {
    attend<float, 1>(slabs, residents, zones, layer, layers, slots, selection, selected, log_weights, capacity, window,
                     q, scale, group, headDim, sums, weights, arrived, out);
  }
}

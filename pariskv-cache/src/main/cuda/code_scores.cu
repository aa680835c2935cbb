// code_scores.cu -- retrieve.CodeScores: the score of every key's codes for every query head, bit for bit.
//
// A block has four query heads of a KV head. It finds the products of their queries and all centroids once and keeps those
// of one centroid side by side, so that one 16-byte look-up is of four heads; then it strides over the keys, four of them
// in flight. Bound by the look-ups, and by the scores that it writes: 16 bytes a key for `subvectors` bytes read.
// grid (blocks, kvHeads * ceil(group / 4), rows), block 512, dynamic shared memory
// 16 * (subvectors * centroids + headDim) bytes.
#include "pariskv.cuh"

constexpr int THREADS = 512;
constexpr int HEADS = 4;      // of a block
constexpr int IN_FLIGHT = 4;  // keys of a thread
constexpr int TILE = THREADS * IN_FLIGHT;

__device__ __forceinline__ float4 add(float4 a, float4 b) {
  return make_float4(__fadd_rn(a.x, b.x), __fadd_rn(a.y, b.y), __fadd_rn(a.z, b.z), __fadd_rn(a.w, b.w));
}

/** queries[i] has coordinate i of the block's heads, zero of those that are not there. */
__device__ __forceinline__ void load_queries(const float* q, int heads, int width, float4* queries) {
  for (int i = threadIdx.x; i < width; i += THREADS) {
    queries[i] = make_float4(q[i], heads > 1 ? q[width + i] : 0.0f, heads > 2 ? q[2 * width + i] : 0.0f,
                             heads > 3 ? q[3 * width + i] : 0.0f);
  }
}

/** products[j][c] = the inner products of the heads' sub-vector j and centroid c. */
__device__ __forceinline__ void multiply(const float* books, const float4* queries, int subvectors, int width,
                                         int centroids, float4* products) {
  for (int e = threadIdx.x; e < subvectors * centroids; e += THREADS) {
    int j = e / centroids;
    const float* book = books + int64_t(j) * width * centroids + e % centroids;
    float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll 8
    for (int i = 0; i < width; i++) {
      float x = book[i * centroids];
      float4 q = queries[j * width + i];
      sum = make_float4(__fmaf_rn(q.x, x, sum.x), __fmaf_rn(q.y, x, sum.y), __fmaf_rn(q.z, x, sum.z),
                        __fmaf_rn(q.w, x, sum.w));
    }
    products[e] = sum;
  }
}

/** Codes of a key, in one load where their number is a power of two; SUBVECTORS is 0 for other numbers. */
template <int SUBVECTORS>
struct Codes {
  uint32_t words[(SUBVECTORS + 3) / 4];

  __device__ __forceinline__ void load(const uint8_t* from) {
    if constexpr (SUBVECTORS == 1) {
      words[0] = *from;
    } else if constexpr (SUBVECTORS == 2) {
      words[0] = *reinterpret_cast<const uint16_t*>(from);
    } else {
#pragma unroll
      for (int i = 0; i < SUBVECTORS / 4; i++) {  // the compiler makes wide loads of these
        words[i] = reinterpret_cast<const uint32_t*>(from)[i];
      }
    }
  }

  __device__ __forceinline__ float4 score(const float4* products, int, int centroids) const {
    float4 sum = products[words[0] & 0xff];
#pragma unroll
    for (int j = 1; j < SUBVECTORS; j++) {
      sum = add(sum, products[j * centroids + (words[j / 4] >> 8 * (j % 4) & 0xff)]);
    }
    return sum;
  }
};

template <>
struct Codes<0> {
  const uint8_t* bytes;

  __device__ __forceinline__ void load(const uint8_t* from) { bytes = from; }

  __device__ __forceinline__ float4 score(const float4* products, int subvectors, int centroids) const {
    float4 sum = products[bytes[0]];
    for (int j = 1; j < subvectors; j++) {
      sum = add(sum, products[j * centroids + bytes[j]]);
    }
    return sum;
  }
};

template <int SUBVECTORS>
__device__ __forceinline__ void scan(const uint64_t* slabs, int kv_head, int keys, const float4* products,
                                     int subvectors, int centroids, float* out, int heads, int capacity) {
  for (int first = int(blockIdx.x) * TILE + int(threadIdx.x); first < keys; first += int(gridDim.x) * TILE) {
    Codes<SUBVECTORS> codes[IN_FLIGHT];
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      int key = min(first + i * THREADS, keys - 1);
      codes[i].load(reinterpret_cast<const uint8_t*>(slabs[slab_index(key)]) + slab_offset(kv_head, key, subvectors));
    }
#pragma unroll
    for (int i = 0; i < IN_FLIGHT; i++) {
      int key = first + i * THREADS;
      if (key < keys) {
        float4 sum = codes[i].score(products, subvectors, centroids);
        float scores[HEADS] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
        for (int h = 0; h < HEADS; h++) {
          if (h < heads) {
            out[int64_t(h) * capacity + key] = scores[h];
          }
        }
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(512)
    code_scores(const int* zones,  // [slots][3]
                const int* slots,  // [rows]
                int layer, int layers,
                const uint64_t* book_table,  // [slots][layers][MAX_SLABS] of [kvHeads][subvectors][width][centroids]
                const uint64_t* code_table,  // [slots][layers][MAX_SLABS] of [kvHeads][SLAB_TOKENS][subvectors]
                int subvectors, int width, int centroids,
                const float* q,  // [rows][kvHeads][group][headDim]
                int kvHeads, int group,
                float* scores,  // [rows][kvHeads][group][capacity]
                int capacity) {
  extern __shared__ float4 products[];  // [subvectors][centroids], then the queries [headDim]
  int chunks = ceil_div(group, HEADS);
  int kv_head = int(blockIdx.y) / chunks;
  int first_head = int(blockIdx.y) % chunks * HEADS;
  int heads = min(HEADS, group - first_head);
  int head_dim = subvectors * width;
  await_previous();
  release_next();

  int slot = slots[blockIdx.z];
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  int keys = min(zone[1] - zone[0], capacity);
  if (int(blockIdx.x) * TILE >= keys) {
    return;  // the whole block; an empty zone has no codebooks
  }
  float4* queries = products + subvectors * centroids;
  int64_t first_row = (int64_t(blockIdx.z) * kvHeads + kv_head) * group + first_head;
  load_queries(q + first_row * head_dim, heads, head_dim, queries);
  __syncthreads();  // the queries are there
  const float* books = reinterpret_cast<const float*>(index_slabs(book_table, slot, layer, layers)[0]) +
                       int64_t(kv_head) * head_dim * centroids;
  multiply(books, queries, subvectors, width, centroids, products);
  __syncthreads();  // the products are there
  const uint64_t* slabs = index_slabs(code_table, slot, layer, layers);
  float* out = scores + first_row * capacity;
  switch (subvectors) {
    case 1: scan<1>(slabs, kv_head, keys, products, 1, centroids, out, heads, capacity); break;
    case 2: scan<2>(slabs, kv_head, keys, products, 2, centroids, out, heads, capacity); break;
    case 4: scan<4>(slabs, kv_head, keys, products, 4, centroids, out, heads, capacity); break;
    case 8: scan<8>(slabs, kv_head, keys, products, 8, centroids, out, heads, capacity); break;
    case 16: scan<16>(slabs, kv_head, keys, products, 16, centroids, out, heads, capacity); break;
    default: scan<0>(slabs, kv_head, keys, products, subvectors, centroids, out, heads, capacity);
  }
}

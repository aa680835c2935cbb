// key_scores.cu -- retrieve.KeyScores: q.k of every key of the retrieval zones, bit for bit as the contract adds it.
//
// A block has some keys of one KV head, two lanes a key (scored_heads.cuh), for up to eight queries at once: K is read
// once for groups up to that. Bound by the bytes of K; with offload those of the zone come over PCIe, all of them.
// grid (blocks, kvHeads * ceil(queries of a KV head / 8), rows), block 256, dynamic shared memory
// 4 * min(8, queries of a KV head) * (headDim rounded up to 16) bytes.
#include "pariskv.cuh"

#include "scored_heads.cuh"

template <int HEADS, typename T>
__device__ __forceinline__ void score(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                      int layers, const int* slots, const float* q, int kvHeads, int group, int mean,
                                      int width, float* scores, int capacity) {
  extern __shared__ float queries[];  // [heads][padded]
  int of_kv_head = mean != 0 ? 1 : group;
  int chunks = ceil_div(of_kv_head, HEADS);
  int kv_head = int(blockIdx.y) / chunks;
  int first_head = int(blockIdx.y) % chunks * HEADS;
  int heads = min(HEADS, of_kv_head - first_head);
  int stride = padded(width);
  await_previous();
  release_next();

  int64_t kv_row = int64_t(blockIdx.z) * kvHeads + kv_head;
  load_queries(q + (kv_row * group + first_head) * width, heads, mean != 0 ? group : 1, width, queries);
  __syncthreads();  // the queries are there
  int slot = slots[blockIdx.z];
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  int keys = min(zone[1] - zone[0], capacity);
  KvHead<T> k = ::kv_head<T>(slabs, residents, zone[2], slot, layer, layers, 0, kv_head, kvHeads, width);
  float* out = scores + (kv_row * of_kv_head + first_head) * capacity;
  int half = int(threadIdx.x) % 2 * OWN;
  for (int first = int(blockIdx.x) * ROWS; first < keys; first += int(gridDim.x) * ROWS) {
    int key = first + int(threadIdx.x) / 2;
    const T* row = k.row(zone[0] + min(key, keys - 1));  // all lanes have a key, for the shuffles
    float sums[HEADS][OWN] = {};
#pragma unroll 4
    for (int i = half; i < width; i += SUMS) {
      float x[OWN];
      load(row, i, width, x);
#pragma unroll
      for (int h = 0; h < HEADS; h++) {
        if (h < heads) {
#pragma unroll
          for (int j = 0; j < OWN; j++) {
            sums[h][j] = __fmaf_rn(queries[h * stride + i + j], x[j], sums[h][j]);
          }
        }
      }
    }
#pragma unroll
    for (int h = 0; h < HEADS; h++) {
      if (h < heads) {  // of the whole block
        float sum = add_by_halving(sums[h]);
        if (half == 0 && key < keys) {
          out[int64_t(h) * capacity + key] = sum;
        }
      }
    }
  }
}

template <typename T>
__device__ __forceinline__ void score(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                      int layers, const int* slots, const float* q, int kvHeads, int group, int mean,
                                      int width, float* scores, int capacity) {
  if (mean != 0 || group == 1) {
    score<1, T>(slabs, residents, zones, layer, layers, slots, q, kvHeads, group, mean, width, scores, capacity);
  } else {
    score<CHUNK, T>(slabs, residents, zones, layer, layers, slots, q, kvHeads, group, mean, width, scores, capacity);
  }
}

extern "C" __global__ void __launch_bounds__(256)
    key_scores_bf16(const uint64_t* slabs,      // see kv_rows.cuh
                    const uint64_t* residents,  // [slots], or nullptr
                    const int* zones,           // [slots][3]
                    int layer, int layers,
                    const int* slots,  // [rows]
                    const float* q,    // [rows][kvHeads][group][headDim]
                    int kvHeads, int group,
                    int mean,       // 1 for one score a KV head, of the mean query; 0 for one a query head
                    int headDim,
                    float* scores,  // [rows][kvHeads or heads][capacity]
                    int capacity) {
  score<uint16_t>(slabs, residents, zones, layer, layers, slots, q, kvHeads, group, mean, headDim, scores, capacity);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(256)
    key_scores_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers,
                   const int* slots, const float* q, int kvHeads, int group, int mean, int headDim, float* scores,
                   int capacity) {
  score<float>(slabs, residents, zones, layer, layers, slots, q, kvHeads, group, mean, headDim, scores, capacity);
}

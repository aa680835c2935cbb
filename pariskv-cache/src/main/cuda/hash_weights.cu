// hash_weights.cu -- retrieve.HashSampling, second part: positions of the sampled keys, ascending, and their log-weights.
//
// A block has a slab of 1,024 keys and a query head. It adds up how many keys the slabs before have, lists its own from
// hash_collisions.cu's bits, and reads them, two lanes a key (scored_heads.cuh). Bound by the latency of rows that are
// scattered; with offload they come over PCIe.
// grid (slabs, heads, rows), block 256, dynamic shared memory 8 * (headDim rounded up to 16) bytes.
#include "pariskv.cuh"

#include "scored_heads.cuh"

constexpr int INTERVALS = 4096;            // index.SimHash
constexpr int WORDS = SLAB_TOKENS / WARP;  // of a slab

/** SimHash.logWeight. */
__device__ __forceinline__ float log_weight(const float* table, float dot, float query2, float key2) {
  float cosine = __fdiv_rn(dot, __fmul_rn(__fsqrt_rn(query2), __fsqrt_rn(key2)));
  float x = isnan(cosine) ? INTERVALS * 0.5f
                          : __fmul_rn(__fadd_rn(fminf(fmaxf(cosine, -1.0f), 1.0f), 1.0f), INTERVALS * 0.5f);
  int i = min(int(x), INTERVALS - 1);
  float low = __ldg(table + i);
  return __fmaf_rn(__fsub_rn(x, float(i)), __fsub_rn(__ldg(table + i + 1), low), low);
}

/** Lists the keys whose bits are set, ascending; by one warp, a word a lane. */
__device__ __forceinline__ void list_keys(uint32_t word, int first, int* list, int* out) {
  int before = __popc(word);  // of this lane and those before it
#pragma unroll
  for (int distance = 1; distance < WARP; distance *= 2) {
    int earlier = __shfl_up_sync(FULL_WARP, before, distance);
    before += lane_id() >= distance ? earlier : 0;
  }
  for (int place = before - __popc(word); word != 0; word &= word - 1) {
    int key = first + lane_id() * WARP + __ffs(word) - 1;
    list[place] = key;
    out[place++] = key;
  }
}

template <typename T>
__device__ __forceinline__ void weigh(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                      int layers, const int* slots, const float* q, int group, int width,
                                      const uint64_t* mean_table, const float* table, const uint32_t* hits,
                                      const int* hits_of_slabs, int* positions, int* counts, float* log_weights,
                                      int capacity) {
  extern __shared__ float query[];  // [padded], then the mean
  __shared__ int list[SLAB_TOKENS];
  __shared__ int scratch[WARP];
  int heads = gridDim.y;
  int kv_head = int(blockIdx.y) / group;
  int64_t head = int64_t(blockIdx.z) * heads + blockIdx.y;
  int slab = blockIdx.x;
  float* mean = query + padded(width);
  await_previous();
  release_next();

  int slot = slots[blockIdx.z];
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  int keys = min(zone[1] - zone[0], capacity);
  if (slab * SLAB_TOKENS >= keys) {
    if (slab == 0 && threadIdx.x == 0) {
      counts[head] = 0;
    }
    return;  // the whole block; an empty zone has no means
  }
  const int* of_slabs = hits_of_slabs + head * gridDim.x;
  int earlier = 0;
  for (int s = threadIdx.x; s < slab; s += THREADS) {
    earlier += of_slabs[s];
  }
  earlier = block_sum(earlier, scratch);
  int count = of_slabs[slab];
  if (threadIdx.x == 0 && (slab + 1) * SLAB_TOKENS >= keys) {
    counts[head] = earlier + count;
  }
  if (count == 0) {
    return;  // the whole block
  }
  int64_t out = head * capacity + earlier;
  if (warp_id() == 0) {
    list_keys(hits[(head * gridDim.x + slab) * WORDS + lane_id()], slab * SLAB_TOKENS, list, positions + out);
  }
  load_queries(q + head * width, 1, 1, width, query);
  load_queries(reinterpret_cast<const float*>(index_slabs(mean_table, slot, layer, layers)[0]) + int64_t(kv_head) * width,
               1, 1, width, mean);
  __syncthreads();  // the list, the query and the mean are there
  KvHead<T> k = ::kv_head<T>(slabs, residents, zone[2], slot, layer, layers, 0, kv_head, heads / group, width);
  int half = int(threadIdx.x) % 2 * OWN;
  float squares[OWN] = {};
  for (int i = half; i < width; i += SUMS) {
#pragma unroll
    for (int j = 0; j < OWN; j++) {
      squares[j] = __fmaf_rn(query[i + j], query[i + j], squares[j]);
    }
  }
  float query2 = add_by_halving(squares);
  for (int first = 0; first < count; first += ROWS) {
    int place = first + int(threadIdx.x) / 2;
    const T* row = k.row(zone[0] + list[min(place, count - 1)]);  // all lanes have a key, for the shuffles
    float dots[OWN] = {};
    float norms[OWN] = {};
#pragma unroll 4
    for (int i = half; i < width; i += SUMS) {
      float x[OWN];
      load(row, i, width, x);
#pragma unroll
      for (int j = 0; j < OWN; j++) {
        float y = __fsub_rn(x[j], mean[i + j]);
        dots[j] = __fmaf_rn(query[i + j], y, dots[j]);
        norms[j] = __fmaf_rn(y, y, norms[j]);
      }
    }
    float dot = add_by_halving(dots);
    float key2 = add_by_halving(norms);
    if (half == 0 && place < count) {
      log_weights[out + place] = log_weight(table, dot, query2, key2);
    }
  }
}

extern "C" __global__ void __launch_bounds__(256)
    hash_weights_bf16(const uint64_t* slabs,      // see pariskv.cuh
                      const uint64_t* residents,  // [slots], or nullptr
                      const int* zones,           // [slots][3]
                      int layer, int layers,
                      const int* slots,  // [rows]
                      const float* q,    // [rows][heads][headDim]
                      int group, int headDim,
                      const uint64_t* mean_table,  // [slots][layers][MAX_SLABS] of means [kvHeads][headDim]
                      const float* table,          // [INTERVALS + 1] log-weights of cosines
                      const uint32_t* hits,        // [rows][heads][slabs][32]
                      const int* hits_of_slabs,    // [rows][heads][slabs]
                      int* positions,              // out, [rows][heads][capacity]
                      int* counts,                 // out, [rows][heads]
                      float* log_weights,          // out, [rows][heads][capacity]
                      int capacity) {
  weigh<uint16_t>(slabs, residents, zones, layer, layers, slots, q, group, headDim, mean_table, table, hits,
                  hits_of_slabs, positions, counts, log_weights, capacity);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(256)
    hash_weights_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers,
                     const int* slots, const float* q, int group, int headDim, const uint64_t* mean_table,
                     const float* table, const uint32_t* hits, const int* hits_of_slabs, int* positions, int* counts,
                     float* log_weights, int capacity) {
  weigh<float>(slabs, residents, zones, layer, layers, slots, q, group, headDim, mean_table, table, hits, hits_of_slabs,
               positions, counts, log_weights, capacity);
}

// page_scores.cu -- retrieve.PageScores: for every page what no key of it can score above, bit for bit as the contract adds it.
//
// A block has some pages of one KV head, two lanes a page (scored_heads.cuh), for up to eight query heads at once. For the
// sum of a group all its heads are done by one block, eight after eight, each thread adding to what it wrote itself.
// Bound by the bytes of the bounds: with pages of 16, an eighth of K.
// grid (blocks, kvHeads * ceil(group / 8), or kvHeads for sums; rows), block 256, dynamic shared memory
// 4 * min(8, group) * (headDim rounded up to 16) bytes.
#include "pariskv.cuh"

#include "scored_heads.cuh"

/** Scores pages for the heads in `queries`; adds their bounds up if `sum`, to what is there if `more`. */
template <typename T>
__device__ __forceinline__ void score(const uint64_t* slabs, int row_shift, int kv_head, int pages,
                                      const float* queries, int heads, int width, bool sum, bool more, float* out,
                                      int capacity) {
  int stride = padded(width);
  int half = int(threadIdx.x) % 2 * OWN;
  for (int first = int(blockIdx.x) * ROWS; first < pages; first += int(gridDim.x) * ROWS) {
    int page = first + int(threadIdx.x) / 2;
    int read = min(page, pages - 1);  // all lanes have a page, for the shuffles
    int64_t row = (int64_t(kv_head) << row_shift) + (read & ((1 << row_shift) - 1));
    const T* least = reinterpret_cast<const T*>(slabs[read >> row_shift]) + row * 2 * width;
    float sums[CHUNK][OWN] = {};
#pragma unroll 2
    for (int i = half; i < width; i += SUMS) {
      float low[OWN];
      float high[OWN];
      load(least, i, width, low);
      load(least + width, i, width, high);
#pragma unroll
      for (int h = 0; h < CHUNK; h++) {
        if (h < heads) {
#pragma unroll
          for (int j = 0; j < OWN; j++) {
            float x = queries[h * stride + i + j];
            sums[h][j] = __fmaf_rn(x, x >= 0.0f ? high[j] : low[j], sums[h][j]);
          }
        }
      }
    }
    float total = 0;
#pragma unroll
    for (int h = 0; h < CHUNK; h++) {
      if (h < heads) {  // of the whole block
        float bound = add_by_halving(sums[h]);
        if (!sum && half == 0 && page < pages) {
          out[int64_t(h) * capacity + page] = bound;
        }
        if (h == 0) {
          total = more && half == 0 && page < pages ? __fadd_rn(out[page], bound) : bound;
        } else {
          total = __fadd_rn(total, bound);
        }
      }
    }
    if (sum && half == 0 && page < pages) {
      out[page] = total;
    }
  }
}

template <typename T>
__device__ __forceinline__ void score(const int* zones, const int* slots, const uint64_t* table, int row_shift,
                                      int page_shift, int layer, int layers, const float* q, int kvHeads, int group,
                                      int sum, int width, float* scores, int capacity) {
  extern __shared__ float queries[];  // [heads][padded]
  int chunks = sum != 0 ? 1 : ceil_div(group, CHUNK);  // of the grid
  int kv_head = int(blockIdx.y) / chunks;
  int first = int(blockIdx.y) % chunks * CHUNK;
  int end = sum != 0 ? group : min(first + CHUNK, group);
  await_previous();
  release_next();

  int slot = slots[blockIdx.z];
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  int pages = min((zone[1] - zone[0] + (1 << page_shift) - 1) >> page_shift, capacity);
  int64_t kv_row = int64_t(blockIdx.z) * kvHeads + kv_head;
  const uint64_t* slabs = index_slabs(table, slot, layer, layers);
  for (int head = first; head < end; head += CHUNK) {
    int heads = min(CHUNK, end - head);
    __syncthreads();  // the queries before are used
    load_queries(q + (kv_row * group + head) * width, heads, 1, width, queries);
    __syncthreads();  // the queries are there
    float* out = scores + (sum != 0 ? kv_row : kv_row * group + head) * capacity;
    score<T>(slabs, row_shift, kv_head, pages, queries, heads, width, sum != 0, head > 0, out, capacity);
  }
}

extern "C" __global__ void __launch_bounds__(256)
    page_scores_bf16(const int* zones,       // [slots][3]
                     const int* slots,       // [rows]
                     const uint64_t* table,  // [slots][layers][MAX_SLABS] of [kvHeads][1 << row_shift][2][headDim]
                     int row_shift, int page_shift,
                     int layer, int layers,
                     const float* q,  // [rows][kvHeads][group][headDim]
                     int kvHeads, int group,
                     int sum,        // 1 for one score a KV head, the sum of its group; 0 for one a query head
                     int headDim,
                     float* scores,  // [rows][kvHeads or heads][capacity]
                     int capacity) {
  score<uint16_t>(zones, slots, table, row_shift, page_shift, layer, layers, q, kvHeads, group, sum, headDim, scores,
                  capacity);
}

/** The same for bounds of f32. */
extern "C" __global__ void __launch_bounds__(256)
    page_scores_f32(const int* zones, const int* slots, const uint64_t* table, int row_shift, int page_shift, int layer,
                    int layers, const float* q, int kvHeads, int group, int sum, int headDim, float* scores,
                    int capacity) {
  score<float>(zones, slots, table, row_shift, page_shift, layer, layers, q, kvHeads, group, sum, headDim, scores,
               capacity);
}

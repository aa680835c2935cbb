// key_mean.cu -- index.KeyMean: the mean of the keys of a retrieval zone, bit for bit as the contract adds it.
//
// Once a prompt and layer. Parts of 1,024 keys first, a block each: up to 64 threads read neighbouring coordinates of a key,
// and there are as many such groups as partial sums in the contract. Then a block a KV head adds the parts. Bound by the
// bytes of the keys, read in two turns of 64 coordinates; with offload they come over PCIe.
// key_mean_*: grid (parts, kvHeads), block 16 * min(64, headDim). key_mean_total: grid kvHeads, block 128.
#include "pariskv.cuh"

constexpr int PART = 1024;
constexpr int PARTIAL_SUMS = 16;
constexpr int COLUMNS = 64;  // coordinates that a block reads at a time, at most

__device__ __forceinline__ double number(const uint16_t* at) { return double(bf16_to_float(*at)); }
__device__ __forceinline__ double number(const float* at) { return double(*at); }

template <typename T>
__device__ __forceinline__ void add_part(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                         int layers, int slot, int zone_from, int count, int width,
                                         const uint64_t* near, double* sums) {
  __shared__ double partial[PARTIAL_SUMS / 2][COLUMNS];
  int head = blockIdx.y;
  KvHead<T> keys = kv_head<T>(slabs, residents, zones[int64_t(slot) * ZONE_FIELDS + 2], slot, layer, layers, 0, head,
                              gridDim.y, width);
  if (near != nullptr) {
    keys.slabs = near;
    keys.resident = nullptr;
  }
  int columns = int(blockDim.x) / PARTIAL_SUMS;
  int column = int(threadIdx.x) % columns;
  int p = int(threadIdx.x) / columns;
  int first = int(blockIdx.x) * PART;
  int end = min(first + PART, count);
  for (int from = 0; from < width; from += columns) {
    int i = from + column;
    double sum = 0;
    if (i < width) {
#pragma unroll 8
      for (int key = first + p; key < end; key += PARTIAL_SUMS) {
        sum = __dadd_rn(sum, number(keys.row(zone_from + key) + i));
      }
    }
    for (int half = PARTIAL_SUMS / 2; half > 0; half /= 2) {
      if (p >= half && p < 2 * half) {
        partial[p - half][column] = sum;
      }
      __syncthreads();  // the upper half is there
      if (p < half) {
        sum = __dadd_rn(sum, partial[p][column]);
      }
      __syncthreads();  // and has been read
    }
    if (p == 0 && i < width) {
      sums[(int64_t(head) * gridDim.x + blockIdx.x) * width + i] = sum;
    }
  }
}

extern "C" __global__ void __launch_bounds__(1024)
    key_mean_bf16(const uint64_t* slabs,      // see pariskv.cuh
                  const uint64_t* residents,  // [slots], or nullptr
                  const int* zones,           // [slots][3]
                  int layer, int layers, int slot,
                  int zone_from, int keys,  // first position of the retrieval zone, and how many keys it has
                  int headDim,
                  const uint64_t* near,  // [MAX_SLABS] slabs to read instead, or nullptr
                  double* sums) {        // scratch, [kvHeads][parts][headDim]
  add_part<uint16_t>(slabs, residents, zones, layer, layers, slot, zone_from, keys, headDim, near, sums);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(1024)
    key_mean_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, int slot,
                 int zone_from, int keys, int headDim, const uint64_t* near, double* sums) {
  add_part<float>(slabs, residents, zones, layer, layers, slot, zone_from, keys, headDim, near, sums);
}

extern "C" __global__ void __launch_bounds__(128)
    key_mean_total(const double* sums,  // [kvHeads][parts][headDim]
                   int parts, int keys, int headDim,
                   int layer, int layers, int slot,
                   const uint64_t* table) {  // [slots][layers][MAX_SLABS] of means [kvHeads][headDim]
  const double* of_head = sums + int64_t(blockIdx.x) * parts * headDim;
  float* means = reinterpret_cast<float*>(index_slabs(table, slot, layer, layers)[0]) + int64_t(blockIdx.x) * headDim;
  for (int i = threadIdx.x; i < headDim; i += blockDim.x) {
    double sum = of_head[i];
#pragma unroll 8
    for (int part = 1; part < parts; part++) {
      sum = __dadd_rn(sum, of_head[int64_t(part) * headDim + i]);
    }
    means[i] = __double2float_rn(__ddiv_rn(sum, double(keys)));
  }
}

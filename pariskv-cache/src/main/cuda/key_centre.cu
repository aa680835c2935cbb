// key_centre.cu -- index.KeyCentre: the mean of the first keys of a retrieval zone and where votes begin
//
// Once a sequence and layer, over a thousand keys. A thread has one coordinate of every few keys; sums are whole
// numbers, so that no order changes them. Bound by the latency of a few hundred loads.
// grid kvHeads, block 1024.
#include "pariskv.cuh"

__device__ __forceinline__ long long whole(float x) {
  return __double2ll_rn(__dmul_rn(fmin(fmax(double(x), -0x1p40), 0x1p40), 0x1p16));
}

__device__ __forceinline__ float number(const uint16_t* at) { return bf16_to_float(*at); }
__device__ __forceinline__ float number(const float* at) { return *at; }

template <typename T>
__device__ __forceinline__ void find(const KvHead<T>& keys, int from, int count, float* centre, int* floor) {
  __shared__ unsigned long long sums[2][256];
  __shared__ double moments[2][256];  // squares of the mean, mean of the squares
  for (int i = threadIdx.x; i < 2 * 256; i += blockDim.x) {
    sums[i / 256][i % 256] = 0;
  }
  __syncthreads();  // the sums are zero
  int j = threadIdx.x % keys.width;
  long long sum = 0;
  long long squares = 0;
#pragma unroll 4
  for (int key = threadIdx.x / keys.width; key < count; key += blockDim.x / keys.width) {
    float k = number(keys.row(from + key) + j);
    sum += whole(k);
    squares += whole(__fmul_rn(k, k));
  }
  atomicAdd(&sums[0][j], static_cast<unsigned long long>(sum));
  atomicAdd(&sums[1][j], static_cast<unsigned long long>(squares));
  __syncthreads();  // all keys are added
  if (threadIdx.x < keys.width) {
    double n = __dmul_rn(double(count), 0x1p16);
    float mean = __double2float_rn(__ddiv_rn(double(static_cast<long long>(sums[0][j])), n));
    centre[j] = mean;
    moments[0][j] = __dmul_rn(double(mean), double(mean));
    moments[1][j] = __ddiv_rn(double(static_cast<long long>(sums[1][j])), n);
  }
  __syncthreads();  // the moments are there
  if (threadIdx.x == 0) {
    double spread = 0;
    for (int i = 0; i < keys.width; i++) {
      spread = __dsub_rn(__dadd_rn(spread, moments[1][i]), moments[0][i]);
    }
    double length = __dsqrt_rn(fmax(0.0, spread));
    float most = __double2float_rn(__dmul_rn(127.0 * (keys.width / SUBSPACE_DIM), length));
    *floor = max(0, __float_as_int(most) - (7 << 23));
  }
}

template <typename T>
__device__ __forceinline__ void find(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                     int layers, int slot, int from, int count, const uint64_t* centre_table,
                                     int head_dim) {
  int head = blockIdx.x;
  int heads = gridDim.x;
  KvHead<T> keys = kv_head<T>(slabs, residents, zones[slot * ZONE_FIELDS + 2], slot, layer, layers, 0, head, heads,
                              head_dim);
  float* centres = reinterpret_cast<float*>(centre_table[int64_t(slot) * layers + layer]);
  find(keys, from, count, centres + head * head_dim, reinterpret_cast<int*>(centres + heads * head_dim) + head);
}

extern "C" __global__ void __launch_bounds__(1024)
    key_centre_bf16(const uint64_t* slabs,         // see pariskv.cuh
                    const uint64_t* residents,     // [slots], or nullptr
                    const int* zones,              // [slots][3]
                    int layer, int layers, int slot,
                    int from, int count,           // positions of the keys in the sequence
                    const uint64_t* centre_table,  // [slots][layers] of centres [kvHeads][headDim] and floors [kvHeads]
                    int head_dim) {                // a power of two up to 256
  find<uint16_t>(slabs, residents, zones, layer, layers, slot, from, count, centre_table, head_dim);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(1024)
    key_centre_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, int slot,
                   int from, int count, const uint64_t* centre_table, int head_dim) {
  find<float>(slabs, residents, zones, layer, layers, slot, from, count, centre_table, head_dim);
}

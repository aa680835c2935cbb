// key_hashing.cu -- index.KeyHashing: on which side of every plane keys are, bit for bit.
//
// A block has 64 keys of one KV head, minus the mean, in shared memory, transposed; its warps share the planes. A lane has two
// keys and 16 planes: 32 sums for 2 loads from shared memory and 4 of planes, which all lanes have in common and L2 has. A
// vote of the warp is a word. Outside of steps. Bound by arithmetic: planes * headDim multiply-adds a key.
// grid (ceil(keys / 64), kvHeads, ceil(planes / 512)), block 256, dynamic shared memory 4 * 65 * headDim bytes.
#include "pariskv.cuh"

constexpr int THREADS = 256;
constexpr int KEYS = 2 * WARP;   // of a block
constexpr int STRIDE = KEYS + 1;  // so that neighbouring coordinates of a key are in different banks
constexpr int PLANES = 16;       // of a warp at a time
constexpr int PLANES_OF_BLOCK = 512;
constexpr int WORDS = SLAB_TOKENS / WARP;  // of a plane in a row of signatures

__device__ __forceinline__ float to_float(uint16_t value) { return bf16_to_float(value); }
__device__ __forceinline__ float to_float(float value) { return value; }

/** Brings 64 keys from zone position `first` on to shared memory, zeros from `end` on. */
template <typename T>
__device__ __forceinline__ void load_columns(const KvHead<T>& keys, int zone_from, int first, int end, const float* mean,
                                             float* columns) {
  for (int e = threadIdx.x; e < KEYS * keys.width; e += THREADS) {
    int key = e / keys.width;
    int i = e % keys.width;
    columns[i * STRIDE + key] =
        first + key < end ? __fsub_rn(to_float(keys.row(zone_from + first + key)[i]), mean[i]) : 0.0f;
  }
}

/** The word of each lane: planes `lane % 16` of the first keys in lanes 0 to 15, of the others in 16 to 31. */
__device__ __forceinline__ uint32_t compare(const float* columns, const float* planes, int stride, int width) {
  float sums[2][PLANES] = {};
#pragma unroll 2
  for (int i = 0; i < width; i++) {
    float low = columns[i * STRIDE + lane_id()];
    float high = columns[i * STRIDE + lane_id() + WARP];
    const float4* row = reinterpret_cast<const float4*>(planes + int64_t(i) * stride);
#pragma unroll
    for (int p = 0; p < PLANES; p += 4) {
      float4 w = __ldg(row + p / 4);
      float plane[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
      for (int c = 0; c < 4; c++) {
        sums[0][p + c] = __fmaf_rn(low, plane[c], sums[0][p + c]);
        sums[1][p + c] = __fmaf_rn(high, plane[c], sums[1][p + c]);
      }
    }
  }
  uint32_t word = 0;
#pragma unroll
  for (int half = 0; half < 2; half++) {
#pragma unroll
    for (int p = 0; p < PLANES; p++) {
      uint32_t bits = __ballot_sync(FULL_WARP, sums[half][p] > 0);
      word = lane_id() == half * PLANES + p ? bits : word;
    }
  }
  return word;
}

template <typename T>
__device__ __forceinline__ void encode(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, int slot, int zone_from, int from, int end, int width,
                                       const float* plane_rows, int planes, int stride, const uint64_t* mean_table,
                                       const uint64_t* table, const uint64_t* near) {
  extern __shared__ float columns[];  // [width][STRIDE]
  int head = blockIdx.y;
  KvHead<T> keys = kv_head<T>(slabs, residents, zones[int64_t(slot) * ZONE_FIELDS + 2], slot, layer, layers, 0, head,
                              gridDim.y, width);
  if (near != nullptr) {
    keys.slabs = near;
    keys.resident = nullptr;
  }
  int first = from + int(blockIdx.x) * KEYS;
  const float* mean =
      reinterpret_cast<const float*>(index_slabs(mean_table, slot, layer, layers)[0]) + int64_t(head) * width;
  load_columns(keys, zone_from, first, end, mean, columns);
  __syncthreads();  // the keys are there
  int stop = min(planes, (int(blockIdx.z) + 1) * PLANES_OF_BLOCK);
  int key = first + lane_id() / PLANES * WARP;  // of this lane's words
  for (int plane = int(blockIdx.z) * PLANES_OF_BLOCK + warp_id() * PLANES; plane < stop;
       plane += THREADS / WARP * PLANES) {
    uint32_t word = compare(columns, plane_rows + plane, stride, width);
    int of_lane = plane + lane_id() % PLANES;
    if (of_lane < planes && key < end) {
      uint32_t* slab = reinterpret_cast<uint32_t*>(index_slabs(table, slot, layer, layers)[slab_index(key)]);
      slab[(int64_t(head) * planes + of_lane) * WORDS + key % SLAB_TOKENS / WARP] = word;
    }
  }
}

extern "C" __global__ void __launch_bounds__(256)
    key_hashing_bf16(const uint64_t* slabs,      // see pariskv.cuh
                     const uint64_t* residents,  // [slots], or nullptr
                     const int* zones,           // [slots][3]
                     int layer, int layers, int slot,
                     int zone_from,      // first position of the retrieval zone
                     int from, int end,  // zone positions that are hashed; `from` is a multiple of 32
                     int headDim,
                     const float* plane_rows,  // [headDim][stride], zeros beyond the planes
                     int planes, int stride,
                     const uint64_t* mean_table,  // [slots][layers][MAX_SLABS] of means [kvHeads][headDim]
                     const uint64_t* table,       // [slots][layers][MAX_SLABS] of [kvHeads][planes][32]
                     const uint64_t* near) {      // [MAX_SLABS] slabs to read instead, or nullptr
  encode<uint16_t>(slabs, residents, zones, layer, layers, slot, zone_from, from, end, headDim, plane_rows, planes,
                   stride, mean_table, table, near);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(256)
    key_hashing_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, int slot,
                    int zone_from, int from, int end, int headDim, const float* plane_rows, int planes, int stride,
                    const uint64_t* mean_table, const uint64_t* table, const uint64_t* near) {
  encode<float>(slabs, residents, zones, layer, layers, slot, zone_from, from, end, headDim, plane_rows, planes, stride,
                mean_table, table, near);
}

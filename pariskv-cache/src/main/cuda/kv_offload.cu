// kv_offload.cu -- stage 3, prefill with offload: a chunk's rows of K and V into images of slabs and the resident copy
//
// The images are in device memory and have the layout of the host slabs that they are copied to afterwards. Bound by
// bytes: 4 read and 2 (or 4) written a number, by neighbouring threads at neighbouring addresses.
// grid (rows, 2) with y = 0 for keys and 1 for values, block 256.
#include "pariskv.cuh"

__device__ __forceinline__ void store(float* at, float x) { *at = x; }
__device__ __forceinline__ void store(uint16_t* at, float x) { *at = float_to_bf16(x); }

template <typename T>
__device__ __forceinline__ void write(const uint64_t* residents, int layer, int slot, int start, const float* source,
                                      T* images, int heads, int head_dim) {
  const int rows = gridDim.x;
  const int which = blockIdx.y;
  const int position = start + blockIdx.x;
  const int image = slab_index(position) - slab_index(start);
  const bool resides = position < SINK_ROWS || position >= start + rows - RING_ROWS;
  T* resident = reinterpret_cast<T*>(residents[slot]) +
                (int64_t(layer) * 2 + which) * heads * RESIDENT_ROWS * head_dim;
  source += int64_t(blockIdx.x) * heads * head_dim;
  for (int i = threadIdx.x; i < heads * head_dim; i += blockDim.x) {
    int head = i / head_dim;
    int at = i % head_dim;
    store(images + slab_offset(image * heads + head, position, head_dim) + at, source[i]);
    if (resides) {
      store(resident + (int64_t(head) * RESIDENT_ROWS + resident_row(position)) * head_dim + at, source[i]);
    }
  }
}

extern "C" __global__ void kv_offload_bf16(const uint64_t* slabs, const uint64_t* residents, const int* zones,
                                           int layer, int layers,  // as every kernel that reads K or V
                                           int slot, int start,
                                           const float* k,          // [rows][kvHeads][headDim]
                                           const float* v,          // the same
                                           uint16_t* key_images,    // [slabs][kvHeads][SLAB_TOKENS][headDim]
                                           uint16_t* value_images,  // the same
                                           int heads, int head_dim) {
  bool keys = blockIdx.y == 0;
  write(residents, layer, slot, start, keys ? k : v, keys ? key_images : value_images, heads, head_dim);
}

extern "C" __global__ void kv_offload_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones,
                                          int layer, int layers, int slot, int start, const float* k, const float* v,
                                          float* key_images, float* value_images, int heads, int head_dim) {
  bool keys = blockIdx.y == 0;
  write(residents, layer, slot, start, keys ? k : v, keys ? key_images : value_images, heads, head_dim);
}

// kv_offload.cu -- stage 3, prefill with offload: a chunk's rows of K and V into a layer's slabs in device memory and
// the resident copy
//
// The slabs have the layout of the host slabs that the rows are copied to afterwards. Eight numbers a thread where rows
// are a multiple of it, so loads and stores are of 16 bytes. Bound by bytes: 4 read and 2 (or 4) written a number, and
// as many written again of the last RING_ROWS rows.
// grid (rows, 2) with y = 0 for keys and 1 for values, block 128.
#include "pariskv.cuh"

constexpr int WIDE = 8;

__device__ __forceinline__ void load(const float* from, float (&x)[WIDE]) {
  const float4* wide = reinterpret_cast<const float4*>(from);
  float4 low = wide[0];
  float4 high = wide[1];
  x[0] = low.x;
  x[1] = low.y;
  x[2] = low.z;
  x[3] = low.w;
  x[4] = high.x;
  x[5] = high.y;
  x[6] = high.z;
  x[7] = high.w;
}

__device__ __forceinline__ void load(const float* from, float (&x)[1]) { x[0] = *from; }

__device__ __forceinline__ void store(uint16_t* to, const float (&x)[WIDE]) { store128(to, pack_bf16(x)); }

__device__ __forceinline__ void store(float* to, const float (&x)[WIDE]) {
  float4* wide = reinterpret_cast<float4*>(to);
  wide[0] = make_float4(x[0], x[1], x[2], x[3]);
  wide[1] = make_float4(x[4], x[5], x[6], x[7]);
}

__device__ __forceinline__ void store(uint16_t* to, const float (&x)[1]) { *to = float_to_bf16(x[0]); }

__device__ __forceinline__ void store(float* to, const float (&x)[1]) { *to = x[0]; }

/** One position, COUNT numbers a thread at a time; head_dim is a multiple of it. */
template <int COUNT, typename T>
__device__ __forceinline__ void write(const float* source, T* slab, T* resident, int position, int heads,
                                      int head_dim) {
  for (int i = threadIdx.x * COUNT; i < heads * head_dim; i += blockDim.x * COUNT) {
    int head = i / head_dim;
    int at = i % head_dim;
    float x[COUNT];
    load(source + i, x);
    store(slab + slab_offset(head, position, KV_ROWS * head_dim) + at, x);
    if (resident != nullptr) {
      store(resident + (int64_t(head) * RESIDENT_ROWS + resident_row(position)) * head_dim + at, x);
    }
  }
}

template <typename T>
__device__ __forceinline__ void write(const uint64_t* residents, int layer, int slot, int start, const float* source,
                                      const uint64_t* slabs, int first_slab, int heads, int head_dim) {
  const int rows = gridDim.x;
  const int position = start + blockIdx.x;
  source += int64_t(blockIdx.x) * heads * head_dim;
  T* slab = reinterpret_cast<T*>(slabs[slab_index(position) - first_slab]);
  T* resident = nullptr;
  if (position < SINK_ROWS || position >= start + rows - RING_ROWS) {
    resident = reinterpret_cast<T*>(residents[slot]) +
               (int64_t(layer) * 2 + blockIdx.y) * heads * RESIDENT_ROWS * head_dim;
  }
  if (head_dim % WIDE == 0) {  // so every row begins at 16 bytes
    write<WIDE>(source, slab, resident, position, heads, head_dim);
  } else {
    write<1>(source, slab, resident, position, heads, head_dim);
  }
}

extern "C" __global__ void kv_offload_bf16(const uint64_t* slabs, const uint64_t* residents, const int* zones,
                                           int layer, int layers,  // as every kernel that reads K or V
                                           int slot, int start,
                                           const float* k,          // [rows][kvHeads][headDim]
                                           const float* v,          // the same
                                           const uint64_t* keys,    // [slabs] see pariskv.cuh
                                           const uint64_t* values,  // the same
                                           int first_slab,          // number of the first of them in the sequence
                                           int heads, int head_dim) {
  bool key = blockIdx.y == 0;
  write<uint16_t>(residents, layer, slot, start, key ? k : v, key ? keys : values, first_slab, heads, head_dim);
}

extern "C" __global__ void kv_offload_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones,
                                          int layer, int layers, int slot, int start, const float* k, const float* v,
                                          const uint64_t* keys, const uint64_t* values, int first_slab, int heads,
                                          int head_dim) {
  bool key = blockIdx.y == 0;
  write<float>(residents, layer, slot, start, key ? k : v, key ? keys : values, first_slab, heads, head_dim);
}

// kv_append.cu -- kv.KvAppend: rounds new rows of K and V to the store's type and writes them where they belong.
//
// A thread writes eight neighbouring elements (16 bytes of bf16), so a warp writes whole lines, also when the slab is
// host memory and each line crosses PCIe. With offload a row that is among the first or the last tokens goes to the
// resident copy, and a step's to nowhere else (kv_save.cu): of the rows of one launch that share a row of the ring only the
// newest is among the last tokens, so no two threads write one place. Bound by the bytes: 8 read and 4 written an element
// pair.
// grid ceil(2 * rows * kvHeads * ceil(headDim / 8) / 256) or fewer, block 256.
#include "pariskv.cuh"

constexpr int WIDE = 8;  // elements of a thread, where rows are a multiple of it

__device__ __forceinline__ void store(uint16_t* to, const float (&values)[WIDE]) { store128(to, pack_bf16(values)); }

__device__ __forceinline__ void store(float* to, const float (&values)[WIDE]) {
  float4* wide = reinterpret_cast<float4*>(to);
  wide[0] = make_float4(values[0], values[1], values[2], values[3]);
  wide[1] = make_float4(values[4], values[5], values[6], values[7]);
}

__device__ __forceinline__ void store(uint16_t* to, const float (&value)[1]) { *to = float_to_bf16(value[0]); }

__device__ __forceinline__ void store(float* to, const float (&value)[1]) { *to = value[0]; }

__device__ __forceinline__ void load(const float* from, float (&values)[WIDE]) {
  const float4* wide = reinterpret_cast<const float4*>(from);
  float4 low = wide[0];
  float4 high = wide[1];
  values[0] = low.x;
  values[1] = low.y;
  values[2] = low.z;
  values[3] = low.w;
  values[4] = high.x;
  values[5] = high.y;
  values[6] = high.z;
  values[7] = high.w;
}

__device__ __forceinline__ void load(const float* from, float (&value)[1]) { value[0] = *from; }

/** COUNT elements a thread; headDim is a multiple of it. */
template <typename T, int COUNT>
__device__ __forceinline__ void append(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, const int* slots, const int* positions, int slot, int start,
                                       const int* saved, const float* k, const float* v, int rows, int heads,
                                       int width) {
  await_previous();
  release_next();
  int pieces = width / COUNT;  // of a row
  int64_t half = int64_t(rows) * heads * pieces;
  for (int64_t i = global_x(); i < 2 * half; i += grid_x()) {
    int which = i < half ? 0 : 1;
    int64_t piece = i - which * half;
    int offset = int(piece % pieces) * COUNT;
    int head = int(piece / pieces % heads);
    int row = int(piece / pieces / heads);
    int sequence = slots != nullptr ? slots[row] : slot;
    int position = slots != nullptr ? positions[row] : start + row;
    int length = zones[int64_t(sequence) * ZONE_FIELDS + 2];

    float values[COUNT];
    load((which == 0 ? k : v) + piece * COUNT, values);
    KvHead<T> kv = kv_head<T>(slabs, residents, length, sequence, layer, layers, which, head, heads, width);
    bool resident = kv.has_resident(position);
    if (resident) {
      store(const_cast<T*>(kv.row(position)) + offset, values);
    }
    if (!resident || position < saved[sequence]) {
      kv.resident = nullptr;  // from here on its rows are those of the slabs
      store(const_cast<T*>(kv.row(position)) + offset, values);
    }
  }
}

template <typename T>
__device__ __forceinline__ void append(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, const int* slots, const int* positions, int slot, int start,
                                       const int* saved, const float* k, const float* v, int rows, int heads,
                                       int width) {
  if (width % WIDE == 0) {  // so every row begins at 16 bytes
    append<T, WIDE>(slabs, residents, zones, layer, layers, slots, positions, slot, start, saved, k, v, rows, heads,
                    width);
  } else {
    append<T, 1>(slabs, residents, zones, layer, layers, slots, positions, slot, start, saved, k, v, rows, heads, width);
  }
}

extern "C" __global__ void kv_append_bf16(const uint64_t* slabs,      // see kv_rows.cuh
                                          const uint64_t* residents,  // [slots], or nullptr
                                          const int* zones,           // [slots][3]
                                          int layer, int layers,
                                          const int* slots,      // [rows], or nullptr: all rows are of `slot`
                                          const int* positions,  // [rows], or nullptr: they follow from `start`
                                          int slot, int start,
                                          const int* saved,  // [slots] see pariskv.cuh, or nullptr without offload
                                          const float* k,  // [rows][kvHeads][headDim]
                                          const float* v,  // [rows][kvHeads][headDim]
                                          int rows, int kvHeads, int headDim) {
  append<uint16_t>(slabs, residents, zones, layer, layers, slots, positions, slot, start, saved, k, v, rows,
                   kvHeads, headDim);
}

/** The same for a store of f32. */
extern "C" __global__ void kv_append_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                         int layers, const int* slots, const int* positions, int slot, int start,
                                         const int* saved, const float* k, const float* v, int rows, int kvHeads,
                                         int headDim) {
  append<float>(slabs, residents, zones, layer, layers, slots, positions, slot, start, saved, k, v, rows, kvHeads,
                headDim);
}

// page_bounds.cu -- index.PageBounds: the smallest and the largest number of each coordinate of a page's keys.
//
// A warp has a page of one KV head; its lanes have coordinates, so a key is read in whole lines, several keys at a time.
// Comparisons only, in the order of the keys: exact. Bound by the bytes of the keys, in a prompt's chunk mostly from L2.
// grid (ceil(pages / 4), kvHeads), block 128. Outside of steps.
#include "pariskv.cuh"

constexpr int WARPS = 4;

__device__ __forceinline__ float to_float(uint16_t value) { return bf16_to_float(value); }

__device__ __forceinline__ float to_float(float value) { return value; }

/** Numbers that came from such memory, so none is rounded. */
__device__ __forceinline__ void store(uint16_t* to, float value) { *to = uint16_t(__float_as_uint(value) >> 16); }

__device__ __forceinline__ void store(float* to, float value) { *to = value; }

template <typename T>
__device__ __forceinline__ void bounds(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, int slot, int zone_from, int zone_end, int first_page,
                                       int page_shift, const uint64_t* table, int width, const uint64_t* near) {
  int head = blockIdx.y;
  KvHead<T> keys = kv_head<T>(slabs, residents, zones[int64_t(slot) * ZONE_FIELDS + 2], slot, layer, layers, 0, head,
                              gridDim.y, width);
  if (near != nullptr) {
    keys.slabs = near;
    keys.resident = nullptr;
  }
  int page = first_page + int(blockIdx.x) * WARPS + warp_id();
  int first = zone_from + (page << page_shift);
  int end = min(first + (1 << page_shift), zone_end);
  if (first >= end) {  // the last block is partial; no barrier follows
    return;
  }
  int row_shift = SLAB_SHIFT - page_shift;  // pages of a slab
  int64_t row = (int64_t(head) << row_shift) + (page & ((1 << row_shift) - 1));
  T* out = reinterpret_cast<T*>(index_slabs(table, slot, layer, layers)[page >> row_shift]) + row * 2 * width;
  for (int d = lane_id(); d < width; d += WARP) {
    float least = INFINITY;
    float most = -INFINITY;
#pragma unroll 8
    for (int position = first; position < end; position++) {
      float x = to_float(keys.row(position)[d]);
      least = x < least ? x : least;
      most = x > most ? x : most;
    }
    store(out + d, least);
    store(out + width + d, most);
  }
}

extern "C" __global__ void __launch_bounds__(128)
    page_bounds_bf16(const uint64_t* slabs,      // see kv_rows.cuh
                     const uint64_t* residents,  // [slots], or nullptr
                     const int* zones,           // [slots][3]
                     int layer, int layers, int slot,
                     int zone_from, int zone_end,  // positions of the retrieval zone
                     int first_page, int page_shift,
                     const uint64_t* table,  // [slots][layers][MAX_SLABS] of [kvHeads][pages of a slab][2][headDim]
                     int headDim,
                     const uint64_t* near) {  // [MAX_SLABS] slabs to read instead, or nullptr
  bounds<uint16_t>(slabs, residents, zones, layer, layers, slot, zone_from, zone_end, first_page, page_shift, table,
                   headDim, near);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(128)
    page_bounds_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, int slot,
                    int zone_from, int zone_end, int first_page, int page_shift, const uint64_t* table, int headDim,
                    const uint64_t* near) {
  bounds<float>(slabs, residents, zones, layer, layers, slot, zone_from, zone_end, first_page, page_shift, table,
                headDim, near);
}

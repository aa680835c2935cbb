// kv_copy.cu -- kv.KvStore.copy: rows of one sequence become rows of another one at the same positions, in all layers.
//
// A warp's threads move neighbouring pieces of 16 bytes: a token's K and V lie beside each other in a slab, and the next
// token's follow. Every row goes to the target's slab and, with offload, also to device memory where it belongs there.
// Bound by the memory that slabs are in: 128 KiB a token in and out for 32 layers of 8 KV heads of size 128.
// grid (blocks, layers * kvHeads), block 256.
#include "pariskv.cuh"

/** Rows [start, end) of one layer and KV head, as pieces of T. */
template <typename T>
__device__ __forceinline__ void copy(const uint64_t* slabs, const uint64_t* residents, int length, int layer, int layers,
                                     int source, int target, int start, int end, int head, int heads, int row_bytes) {
  int pieces = row_bytes / int(sizeof(T));
  int64_t count = int64_t(end - start) * 2 * pieces;
  for (int64_t i = global_x(); i < count; i += grid_x()) {
    int position = start + int(i / (2 * pieces));
    int which = int(i / pieces % 2);
    int piece = int(i % pieces);
    KvHead<char> from = kv_head<char>(slabs, residents, length, source, layer, layers, which, head, heads, row_bytes);
    KvHead<char> to = kv_head<char>(slabs, residents, end, target, layer, layers, which, head, heads, row_bytes);
    T value = reinterpret_cast<const T*>(from.row(position))[piece];
    if (to.has_resident(position)) {
      reinterpret_cast<T*>(const_cast<char*>(to.row(position)))[piece] = value;
      to.resident = nullptr;  // from here on its rows are those of the slabs
    }
    reinterpret_cast<T*>(const_cast<char*>(to.row(position)))[piece] = value;
  }
}

extern "C" __global__ void __launch_bounds__(256) kv_copy(const uint64_t* slabs,      // see kv_rows.cuh
                                                          const uint64_t* residents,  // [slots]
                                                          const int* zones,           // [slots][3]
                                                          int layer,                  // 0: all of them
                                                          int layers, int source, int target, int start,
                                                          int end,  // of the target's tokens, too
                                                          int kvHeads, int rowBytes) {
  int length = zones[int64_t(source) * ZONE_FIELDS + 2];
  int head = blockIdx.y % kvHeads;
  int of = layer + int(blockIdx.y) / kvHeads;
  if (rowBytes % sizeof(uint4) == 0) {
    copy<uint4>(slabs, residents, length, of, layers, source, target, start, end, head, kvHeads, rowBytes);
  } else {
    copy<uint16_t>(slabs, residents, length, of, layers, source, target, start, end, head, kvHeads, rowBytes);
  }
}

// kv_refill.cu -- part of kv.KvStore.setZones with offload: a sequence that gets shorter takes back into its ring of
// last rows what forgotten tokens had overwritten.
//
// Runs before the new zones are written, so the old length is still on the device, where decode steps advanced it.
// Forgotten position p lies where p - RING_ROWS belongs: those rows are read from the slabs, in host memory, by
// 16-byte loads. Mostly nothing is to be done and the kernel ends at once; a cut by n tokens reads n rows (2,048 at
// most) of every head and layer over PCIe.
// grid (8, 2 * layers * kvHeads), block 256.
#include "pariskv.cuh"

/** Rows as pieces of T. */
template <typename T>
__device__ __forceinline__ void refill(KvHead<char> kv, int from, int to) {
  int pieces = kv.width / int(sizeof(T));
  KvHead<char> slab = kv;
  slab.resident = nullptr;
  int64_t count = int64_t(to - from) * pieces;
  for (int64_t i = global_x(); i < count; i += grid_x()) {
    int position = from + int(i / pieces);
    int piece = int(i % pieces);
    char* target = const_cast<char*>(kv.resident) + int64_t(resident_row(position)) * kv.width;
    reinterpret_cast<T*>(target)[piece] = __ldg(reinterpret_cast<const T*>(slab.row(position)) + piece);
  }
}

extern "C" __global__ void kv_refill(const uint64_t* slabs,      // see kv_rows.cuh
                                     const uint64_t* residents,  // [slots]
                                     const int* zones,           // [slots][3], as before the cut
                                     int layer,                  // 0: all of them
                                     int layers, int slot,
                                     int length,  // of the sequence from here on
                                     int kvHeads, int rowBytes) {
  int before = zones[int64_t(slot) * ZONE_FIELDS + 2];
  int from = max(SINK_ROWS, length - RING_ROWS);
  int to = min(length, before - RING_ROWS);
  if (from >= to) {  // nothing was forgotten, or nothing overwritten
    return;
  }
  int head = blockIdx.y % kvHeads;
  int which = blockIdx.y / kvHeads % 2;
  KvHead<char> kv = kv_head<char>(slabs, residents, length, slot, layer + int(blockIdx.y) / kvHeads / 2, layers, which,
                                  head, kvHeads, rowBytes);
  if (rowBytes % sizeof(uint4) == 0) {
    refill<uint4>(kv, from, to);
  } else {
    refill<uint16_t>(kv, from, to);
  }
}

// kv_save.cu -- part of kv.KvAdvance and kv.KvStore with offload: rows of steps, which are in the resident copy alone, into
// their slabs in host memory.
//
// A step appends each layer's rows to device memory only: a kernel ends when its stores have arrived, and over the bus
// that took 30 us a layer. The next step's first kernel is this one, for all layers of the rows before; so are setZones
// and read, before slabs are read by others than KvHead.row. Mostly a row a sequence, 16 bytes a thread; where nothing is
// owed it ends at once. Bound by the bus: 128 KiB a sequence for 32 layers of 8 KV heads of size 128, 3 us, and its latency.
// grid (blocks, rows), block 256.
#include "pariskv.cuh"

/** Rows [from, to) of all layers and heads as pieces of T. */
template <typename T>
__device__ __forceinline__ void save(const uint64_t* slabs, const uint64_t* residents, int length, int slot, int layers,
                                     int heads, int row_bytes, int from, int to) {
  int pieces = row_bytes / int(sizeof(T));
  int64_t of_position = int64_t(2) * layers * heads * pieces;
  for (int64_t i = global_x(); i < (to - from) * of_position; i += grid_x()) {
    int position = from + int(i / of_position);
    int part = int(i % of_position) / pieces;  // of K and V of all layers
    int piece = int(i % pieces);
    KvHead<char> kv = kv_head<char>(slabs, residents, length, slot, part / (2 * heads), layers, part / heads % 2,
                                    part % heads, heads, row_bytes);
    T value = reinterpret_cast<const T*>(kv.row(position))[piece];
    kv.resident = nullptr;  // from here on its rows are those of the slabs
    reinterpret_cast<T*>(const_cast<char*>(kv.row(position)))[piece] = value;
  }
}

extern "C" __global__ void __launch_bounds__(256) kv_save(
    const uint64_t* slabs,      // see kv_rows.cuh
    const uint64_t* residents,  // [slots]
    const int* zones,           // [slots][3], the lengths so far
    int layer,                  // 0: all of them
    int layers,
    const int* slots,  // [rows], each at most once, or nullptr for one row of `slot`
    int slot,
    int limit,     // rows from here on are forgotten, and appended ones before it are saved otherwise; -1 for neither
    int* saved,    // [slots] in and out
    int* arrived,  // scratch, [slots] zeros, and zeros again at the end
    int kvHeads, int rowBytes) {
  await_previous();
  release_next();
  slot = slots != nullptr ? slots[blockIdx.y] : slot;
  int length = zones[int64_t(slot) * ZONE_FIELDS + 2];
  int from = max(saved[slot], length - RING_ROWS);  // what the ring has no longer was not left to it alone
  int to = limit < 0 ? length : min(length, limit);
  if (rowBytes % sizeof(uint4) == 0) {
    save<uint4>(slabs, residents, length, slot, layers, kvHeads, rowBytes, from, to);
  } else {
    save<uint16_t>(slabs, residents, length, slot, layers, kvHeads, rowBytes, from, to);
  }
  if (is_last_block(arrived + slot, int(gridDim.x)) && threadIdx.x == 0) {  // the others have read it
    saved[slot] = limit < 0 ? length : limit;
  }
}

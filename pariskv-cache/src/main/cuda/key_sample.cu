// key_sample.cu -- index.KeySample: some keys of one KV head as rows that lie together.
//
// A warp has a row, which it reads and writes in whole lines. Bound by the bytes; with offload by PCIe.
// grid (ceil(n / 8)), block 256. Outside of steps.
#include "pariskv.cuh"

template <typename T>
__device__ __forceinline__ void gather(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, int slot, int head, int heads, int width, const int* positions,
                                       int n, T* rows) {
  int row = int(blockIdx.x) * warp_count() + warp_id();
  if (row >= n) {  // the last block is partial; no barrier follows
    return;
  }
  KvHead<T> keys = kv_head<T>(slabs, residents, zones[int64_t(slot) * ZONE_FIELDS + 2], slot, layer, layers, 0, head,
                              heads, width);
  const T* from = keys.row(positions[row]);
  T* to = rows + int64_t(row) * width;
  for (int i = lane_id(); i < width; i += WARP) {
    to[i] = from[i];
  }
}

extern "C" __global__ void __launch_bounds__(256)
    key_sample_bf16(const uint64_t* slabs,      // see kv_rows.cuh
                    const uint64_t* residents,  // [slots], or nullptr
                    const int* zones,           // [slots][3]
                    int layer, int layers, int slot, int head, int heads, int width,
                    const int* positions,  // [n]
                    int n,
                    uint16_t* rows) {  // [n][width]
  gather<uint16_t>(slabs, residents, zones, layer, layers, slot, head, heads, width, positions, n, rows);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(256)
    key_sample_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, int slot,
                   int head, int heads, int width, const int* positions, int n, float* rows) {
  gather<float>(slabs, residents, zones, layer, layers, slot, head, heads, width, positions, n, rows);
}

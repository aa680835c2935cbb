// key_coding.cu -- index.KeyCoding: the nearest centroids of keys of the retrieval zone, bit for bit.
//
// A block has 64 keys of one KV head and one sub-vector of them (nearest_centroid.cuh). Outside of steps, for a prompt's keys
// or those that leave the window. Bound by arithmetic; with offload by the bytes of the keys, which are read once.
// grid (ceil(keys / 64), subvectors, kvHeads), block 256.
#include "pariskv.cuh"

#include "nearest_centroid.cuh"

template <typename T>
__device__ __forceinline__ void encode(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, int slot, int zone_from, int from, int end, int width,
                                       int centroids, const uint64_t* book_table, const uint64_t* code_table,
                                       const uint64_t* near) {
  __shared__ __align__(16) Tile tile;
  int subvectors = gridDim.y;
  int j = blockIdx.y;
  int head = blockIdx.z;
  int head_dim = width * subvectors;
  KvHead<T> keys = kv_head<T>(slabs, residents, zones[int64_t(slot) * ZONE_FIELDS + 2], slot, layer, layers, 0, head,
                              gridDim.z, head_dim);
  if (near != nullptr) {
    keys.slabs = near;
    keys.resident = nullptr;
  }
  int first = from + int(blockIdx.x) * TILE;
  int count = min(TILE, end - first);
  const float* books = reinterpret_cast<const float*>(index_slabs(book_table, slot, layer, layers)[0]) +
                       (int64_t(head) * subvectors + j) * width * centroids;
  find_nearest([&](int key) { return keys.row(first + key) + j * width; }, count, width, books, centroids, tile);
  if (int(threadIdx.x) < count) {
    int key = first + int(threadIdx.x) - zone_from;
    uint8_t* slab = reinterpret_cast<uint8_t*>(index_slabs(code_table, slot, layer, layers)[slab_index(key)]);
    slab[slab_offset(head, key, subvectors) + j] = uint8_t(tile.codes[threadIdx.x]);
  }
}

extern "C" __global__ void __launch_bounds__(256)
    key_coding_bf16(const uint64_t* slabs,      // see kv_rows.cuh
                    const uint64_t* residents,  // [slots], or nullptr
                    const int* zones,           // [slots][3]
                    int layer, int layers, int slot,
                    int zone_from,      // first position of the retrieval zone
                    int from, int end,  // positions that are coded
                    int width, int centroids,
                    const uint64_t* book_table,  // [slots][layers][MAX_SLABS] of [kvHeads][subvectors][width][centroids]
                    const uint64_t* code_table,  // [slots][layers][MAX_SLABS] of [kvHeads][SLAB_TOKENS][subvectors]
                    const uint64_t* near) {      // [MAX_SLABS] slabs to read instead, or nullptr
  encode<uint16_t>(slabs, residents, zones, layer, layers, slot, zone_from, from, end, width, centroids, book_table,
                   code_table, near);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(256)
    key_coding_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, int slot,
                   int zone_from, int from, int end, int width, int centroids, const uint64_t* book_table,
                   const uint64_t* code_table, const uint64_t* near) {
  encode<float>(slabs, residents, zones, layer, layers, slot, zone_from, from, end, width, centroids, book_table,
                code_table, near);
}

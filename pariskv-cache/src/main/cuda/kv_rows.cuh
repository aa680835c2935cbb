// kv_rows.cuh -- where K and V of a token are: io.pariskv.backend.cuda.CudaKvStore
//
// Every kernel that reads K or V takes, in this order:
//   const uint64_t* slabs      [slots][layers][2][MAX_SLABS] addresses of the first K row and of the first V row of slabs
//                              [kvHeads][SLAB_TOKENS][2][headDim]: a token's K and V are neighbours, so that fetching both
//                              from host memory is one address to translate, which halves the time of scattered rows
//   const uint64_t* residents  [slots] addresses of [layers][2][kvHeads][RESIDENT_ROWS][headDim], or nullptr
//   const int* zones           [slots][3] sink end, recent start, length
//   int layer, int layers
// Without offload the slabs are device memory and `residents` is nullptr. With it the slabs are pinned host memory, and the
// first SINK_ROWS and the last RING_ROWS tokens are in device memory too. KvHead.row finds every row that was appended. The
// slabs have all rows before position saved[slot]; later ones, which steps have appended since the zones were set last, are
// in device memory alone until kv_save.cu brings them: before the next step appends (so it is the row of one step), before
// zones are set, and before rows are read on the host.
#pragma once

constexpr int KV_ROWS = 2;  // from a row of K, or of V, to that of the next token
constexpr int MAX_SLABS = 2048;
constexpr int SINK_ROWS = 128;
constexpr int RING_ROWS = 2048;
constexpr int RESIDENT_ROWS = SINK_ROWS + RING_ROWS;
constexpr int ZONE_FIELDS = 3;

/** Row of the resident copy that token `position` has, if it has one. */
__device__ __forceinline__ int resident_row(int position) {
  return position < SINK_ROWS ? position : SINK_ROWS + (position & (RING_ROWS - 1));
}

/** Keys or values of one KV head of one sequence in one layer. */
template <typename T>
struct KvHead {
  const uint64_t* slabs;  // [MAX_SLABS]
  const T* resident;      // [RESIDENT_ROWS][width], or nullptr
  int head;
  int width;
  int ring_from;  // first position whose row is in the ring

  /** Whether a token has a row in device memory with offload. */
  __device__ __forceinline__ bool has_resident(int position) const {
    return resident != nullptr && (position < SINK_ROWS || position >= ring_from);
  }

  /** The row of a token, in device memory where it has one. */
  __device__ __forceinline__ const T* row(int position) const {
    if (has_resident(position)) {
      return resident + int64_t(resident_row(position)) * width;
    }
    return reinterpret_cast<const T*>(slabs[slab_index(position)]) + slab_offset(head, position, KV_ROWS * width);
  }
};

/** `which` is 0 for keys, 1 for values; `length` the tokens of the sequence. */
template <typename T>
__device__ __forceinline__ KvHead<T> kv_head(const uint64_t* slabs, const uint64_t* residents, int length, int slot,
                                             int layer, int layers, int which, int head, int heads, int width) {
  KvHead<T> kv;
  kv.slabs = slabs + ((int64_t(slot) * layers + layer) * 2 + which) * MAX_SLABS;
  kv.resident = nullptr;
  if (residents != nullptr) {
    kv.resident = reinterpret_cast<const T*>(residents[slot]) +
                  ((int64_t(layer) * 2 + which) * heads + head) * RESIDENT_ROWS * width;
  }
  kv.head = head;
  kv.width = width;
  kv.ring_from = length - RING_ROWS;
  return kv;
}

// zone_top_k.cu -- retrieve.ZoneTopK: the keys of the items with the best scores, ties by lower position, positions ascending.
//
// One block a head finds the best of a list, as top_k.cuh says; chosen pages are written as their keys at once.
// Bound by one block's latency: tens of microseconds for 10^5 scores.
// grid (heads, rows), block 1024.
#include "pariskv.cuh"

constexpr int BLOCK = 1024;
#include "top_k.cuh"

/** Scores of the items of a retrieval zone. */
struct Items {
  const float* scores;

  __device__ __forceinline__ uint32_t operator()(int index) const { return ordered(scores[index]); }
};

extern "C" __global__ void __launch_bounds__(BLOCK)
    zone_top_k(const int* zones,     // [slots][3]
               const int* slots,     // [rows]
               const float* scores,  // [rows][heads][room]
               int room,
               int unit,           // keys of an item
               int most,           // items
               const int* mosts,   // [slots] items at most of each slot as well, or nullptr
               int* selected,      // [rows][heads][capacity], at least min(most, room) * unit
               int capacity,
               int* counts) {      // [rows][heads]
  await_previous();
  release_next();
  int slot = slots[blockIdx.y];
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  int keys = zone[1] - zone[0];
  int items = min(ceil_div(keys, unit), room);
  int64_t head = int64_t(blockIdx.y) * gridDim.x + blockIdx.x;
  int k = min(mosts == nullptr ? most : min(most, mosts[slot]), items);
  if (k == 0) {
    if (threadIdx.x == 0) {
      counts[head] = 0;
    }
    return;
  }
  Items list = {scores + head * room};
  int* out = selected + head * capacity;
  Threshold threshold = find_threshold(list, items, k);
  take_best(list, items, threshold, [&](int place, int index) {
    int first = index * unit;
    int end = min(unit, keys - first);
    for (int i = 0; i < end; i++) {
      out[place * unit + i] = first + i;
    }
    if (place == k - 1) {  // the last one: of it alone there may be fewer
      counts[head] = (k - 1) * unit + end;
    }
  });
}

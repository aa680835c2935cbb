// selection_counts.cu -- retrieve.SelectionCounts: where in the context the keys lie that a layer of a step selected
//
// A block has the keys of one row of the batch, all heads of it, a warp a head in turn; where heads may select very many,
// `parts` blocks share them. It counts in 1 KiB of shared memory, and what is not zero then goes to the two tables by
// additions that nobody waits for. Some thousand keys of 4 bytes a row: bound by latency, two loads that need each other.
// The row of the step is added to by all layers, so it must be zero before: the step before has seen to that (first).
// grid (parts, rows), block 256, static shared memory only.
#include "pariskv.cuh"

constexpr int BLOCK = 256;
constexpr int BINS = 256;  // ContextBins.BINS
constexpr int STEPS = 32;  // ContextBins.STEPS
static_assert(BINS == BLOCK, "a thread has a bin");

extern "C" __global__ void __launch_bounds__(BLOCK)
    selection_counts(const int* zones,               // [slots][3]
                     const int* slots,               // [rows]
                     const int* positions,           // [rows] of the step's tokens
                     const int* selected,            // [rows][heads][capacity] zone positions
                     const int* counts,              // [rows][heads]
                     int heads, int capacity,
                     int first,                      // 1 in the first layer of a step that selects, else 0
                     const int* widths,              // [slots] tokens of a bin
                     unsigned long long* sums,       // [slots][BINS]
                     int* steps) {                   // [slots][STEPS][BINS]
  __shared__ int bins[BINS];
  int own = threadIdx.x;
  bins[own] = 0;
  await_previous();
  release_next();
  int row = blockIdx.y;
  int slot = slots[row];
  int position = positions[row];
  int sink = zones[int64_t(slot) * ZONE_FIELDS];
  int width = widths[slot];
  __syncthreads();  // all bins are zero
  for (int head = warp_id(); head < heads; head += BLOCK / WARP) {
    int64_t at = int64_t(row) * heads + head;
    int count = min(counts[at], capacity);
    const int* keys = selected + at * capacity;
    for (int i = int(blockIdx.x) * WARP + lane_id(); i < count; i += int(gridDim.x) * WARP) {
      atomicAdd(bins + min((sink + keys[i]) / width, BINS - 1), 1);
    }
  }
  __syncthreads();  // all keys are counted
  int* of_slot = steps + int64_t(slot) * STEPS * BINS;
  if (bins[own] != 0) {
    atomicAdd(sums + int64_t(slot) * BINS + own, (unsigned long long)bins[own]);
    atomicAdd(of_slot + position % STEPS * BINS + own, bins[own]);
  }
  if (first != 0 && blockIdx.x == 0) {
    of_slot[(position + 1) % STEPS * BINS + own] = 0;
  }
}

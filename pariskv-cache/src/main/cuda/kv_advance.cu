// kv_advance.cu -- kv.KvAdvance: begins a decode step by giving each row the next position of its sequence.
//
// One thread a row; a slot is in the batch at most once, so no two threads meet.
// grid ceil(rows / 128), block 128.
#include "pariskv.cuh"

extern "C" __global__ void kv_advance(int* zones,        // [slots][3] in and out
                                      const int* slots,  // [rows]
                                      int* positions,    // [rows] out
                                      int rows) {
  int64_t row = global_x();
  await_previous();
  release_next();
  if (row >= rows) {  // the last block is partial
    return;
  }
  int* length = zones + int64_t(slots[row]) * ZONE_FIELDS + 2;
  positions[row] = *length;
  *length += 1;
}

// smoke.cu -- the self test when the backend opens: out = a + scale * b, compared with the host's result.
//
// Proves that this GPU has code in the fatbin, that pointers, ints and floats arrive as packed, and that copies and
// launches follow stream order. Rounded twice on purpose, so the host gets the same bits.
// grid ceil(count / 256), block 256.
#include "pariskv.cuh"

extern "C" __global__ void smoke_add(const float* a,   // [count]
                                     const float* b,   // [count]
                                     float* out,       // [count]
                                     float scale, int count) {
  int64_t i = global_x();
  if (i >= count) {  // the last block is partial
    return;
  }
  out[i] = __fadd_rn(a[i], __fmul_rn(scale, b[i]));
}

// random_fill.cu -- layer.RandomFill: reproducible pseudo-random numbers, element i a function of seed and i alone
//
// A thread makes one element after another, a warp's neighbours in memory. Some 30 integer operations an element are
// more than its 2 bytes of bf16 take to write: bound by arithmetic, at an estimated half of what memory takes.
// grid any number of blocks, block 256.
#include "pariskv.cuh"

/** The contract's, bit for bit. */
__device__ __forceinline__ float random_value(int64_t seed, int64_t index, float scale) {
  uint64_t z = uint64_t(seed) + 0x9e3779b97f4a7c15ull * (uint64_t(index) + 1);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  z ^= z >> 31;
  int sum = int(z & 0xffff) + int(z >> 16 & 0xffff) + int(z >> 32 & 0xffff) + int(z >> 48);
  return __fmul_rn(float(sum - 2 * 0xffff), scale);  // the sum is exact in a float
}

extern "C" __global__ void random_fill_f32(float* target,  // [count]
                                           int64_t count, int64_t seed, float scale) {
  for (int64_t i = global_x(); i < count; i += grid_x()) {
    target[i] = random_value(seed, i, scale);
  }
}

extern "C" __global__ void random_fill_bf16(uint16_t* target,  // [count]
                                            int64_t count, int64_t seed, float scale) {
  for (int64_t i = global_x(); i < count; i += grid_x()) {
    target[i] = float_to_bf16(random_value(seed, i, scale));
  }
}

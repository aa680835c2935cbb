// rotary.cu -- layer.Rotary: the cosines and sines of a pass, and the turning of every head by them
//
// rotary_angles: a thread computes one angle. Positions reach a million, so the cosine and sine reduce their argument
// in full (sincosf does; the fast ones do not); once a pass, the cost does not show.
// grid ceil(rows * half / block), block 256.
//
// rotary_rotate: a thread turns four neighbouring pairs (i, i + half) of one head, with 16-byte loads and stores where
// `half` is a multiple of four. Bound by memory: 16 bytes a pair; the table stays in L1.
// grid (rows, ceil(heads * ceil(half / 4) / block)), block 128.
#include "pariskv.cuh"

extern "C" __global__ void rotary_angles(const int* positions,      // [rows]
                                         const float* frequencies,  // [half]
                                         float* table,              // [rows][2][half]
                                         float scale, int rows, int half) {
  int64_t i = global_x();
  await_previous();
  release_next();
  if (i >= int64_t(rows) * half) {  // the last block is partial
    return;
  }
  int64_t row = i / half;
  int pair = i % half;
  float sine;
  float cosine;
  sincosf(__fmul_rn(__int2float_rn(positions[row]), frequencies[pair]), &sine, &cosine);
  float* out = table + row * 2 * half + pair;
  out[0] = cosine * scale;
  out[half] = sine * scale;
}

/** Turns (a, b) by the angle of this cosine and sine. */
__device__ __forceinline__ void turn(float& a, float& b, float cosine, float sine) {
  float turned = a * cosine - b * sine;
  b = b * cosine + a * sine;
  a = turned;
}

extern "C" __global__ void rotary_rotate(float* x,            // [rows][heads][2 * half], changed
                                         const float* table,  // [rows][2][half]
                                         int heads, int half) {
  int row = blockIdx.x;
  int quads = ceil_div(half, 4);
  int i = blockIdx.y * blockDim.x + threadIdx.x;
  await_previous();
  release_next();
  if (i >= heads * quads) {  // the last block of a row is partial
    return;
  }
  int pair = i % quads * 4;
  float* a = x + (int64_t(row) * heads + i / quads) * 2 * half + pair;
  float* b = a + half;
  const float* cosines = table + int64_t(row) * 2 * half + pair;
  const float* sines = cosines + half;
  if (half % 4 == 0 && aligned128(x) && aligned128(table)) {
    float4 first = *reinterpret_cast<float4*>(a);
    float4 second = *reinterpret_cast<float4*>(b);
    float4 cosine = *reinterpret_cast<const float4*>(cosines);
    float4 sine = *reinterpret_cast<const float4*>(sines);
    turn(first.x, second.x, cosine.x, sine.x);
    turn(first.y, second.y, cosine.y, sine.y);
    turn(first.z, second.z, cosine.z, sine.z);
    turn(first.w, second.w, cosine.w, sine.w);
    *reinterpret_cast<float4*>(a) = first;
    *reinterpret_cast<float4*>(b) = second;
    return;
  }
  for (int j = 0; j < min(4, half - pair); j++) {
    turn(a[j], b[j], cosines[j], sines[j]);
  }
}

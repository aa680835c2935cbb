// embedding.cu -- layer.Embedding: out[r] = row tokens[r] of the table, as f32
//
// A thread copies 16 bytes of the table, so a block covers BLOCK * 16 bytes of one row; where an address is not
// aligned or the row ends, its numbers go one by one. Bound by memory: a row is read once and written once.
// A token outside the vocabulary gets a row of NaN: the host must not be asked, and reading there would fault.
// grid (rows, ceil(width / numbers of a block)), block BLOCK.
#include "pariskv.cuh"

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(__half value) { return __half2float(value); }
__device__ __forceinline__ float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }

template <typename T>
__device__ __forceinline__ void embed(const int* tokens, const T* table, float* out, int vocabulary, int width) {
  constexpr int UNIT = 16 / sizeof(T);
  int row = blockIdx.x;
  int first = (blockIdx.y * blockDim.x + threadIdx.x) * UNIT;
  await_previous();
  release_next();
  if (first >= width) {  // the last block of a row is partial
    return;
  }
  int token = tokens[row];
  int count = min(UNIT, width - first);
  float* to = out + int64_t(row) * width + first;
  if (token < 0 || token >= vocabulary) {
    for (int i = 0; i < count; i++) {
      to[i] = NAN;
    }
    return;
  }
  const T* from = table + int64_t(token) * width + first;
  if (count == UNIT && aligned128(from) && aligned128(to)) {
    alignas(16) T values[UNIT];
    *reinterpret_cast<uint4*>(values) = load128(from);
#pragma unroll
    for (int i = 0; i < UNIT; i += 4) {
      *reinterpret_cast<float4*>(to + i) = make_float4(to_float(values[i]), to_float(values[i + 1]),
                                                       to_float(values[i + 2]), to_float(values[i + 3]));
    }
  } else {
    for (int i = 0; i < count; i++) {
      to[i] = to_float(from[i]);
    }
  }
}

extern "C" __global__ void embedding_f32(const int* tokens,   // [rows]
                                         const float* table,  // [vocabulary][width]
                                         float* out,          // [rows][width]
                                         int vocabulary, int width) {
  embed(tokens, table, out, vocabulary, width);
}

extern "C" __global__ void embedding_f16(const int* tokens,    // [rows]
                                         const __half* table,  // [vocabulary][width]
                                         float* out,           // [rows][width]
                                         int vocabulary, int width) {
  embed(tokens, table, out, vocabulary, width);
}

extern "C" __global__ void embedding_bf16(const int* tokens,           // [rows]
                                          const __nv_bfloat16* table,  // [vocabulary][width]
                                          float* out,                  // [rows][width]
                                          int vocabulary, int width) {
  embed(tokens, table, out, vocabulary, width);
}

// decode_merge.cu -- ends attention.DecodeAttention: merges the splits of each query head by log-sum-exp.
//
// A block a head, a thread a dim (or several). A split that had no tokens has total 0 and sums that nobody wrote.
// Bound by latency: splits * (headDim + 2) floats a head, which L2 still has.
// grid rows * heads, block 128, static shared memory only.
#include "pariskv.cuh"

constexpr int MOST_SPLITS = 128;  // one thread each

extern "C" __global__ void decode_merge(const float* sums,      // [rows * heads][splits][headDim]
                                        const float2* weights,  // [rows * heads][splits] maximum and total
                                        int splits,             // at most MOST_SPLITS
                                        int headDim,
                                        float* out) {  // [rows * heads][headDim]
  __shared__ float scratch[WARP];
  __shared__ float scales[MOST_SPLITS];
  int64_t head = blockIdx.x;
  int split = threadIdx.x;
  float2 weight = split < splits ? weights[head * splits + split] : make_float2(-INFINITY, 0);
  float maximum = block_max(weight.x, scratch);
  float scale = weight.y == 0 ? 0 : exp2f(weight.x - maximum);
  scales[split] = scale;
  float total = block_sum(scale * weight.y, scratch);  // its barriers show the scales to all
  const float* of_head = sums + head * splits * headDim;
  for (int dim = threadIdx.x; dim < headDim; dim += blockDim.x) {
    float sum = 0;
#pragma unroll 8
    for (int s = 0; s < splits; s++) {
      if (scales[s] != 0) {
        sum += scales[s] * of_head[int64_t(s) * headDim + dim];
      }
    }
    out[head * headDim + dim] = total == 0 ? 0 : sum / total;  // 0 where nothing is attended
  }
}

// head_blocks.cu -- retrieve.HeadBlocks: the query of every head, rotated and scaled
//
// A lane has 8 coordinates of one head, its neighbours the others, as in query_blocks.cu. Bound by the latency of one load.
// grid ceil(heads * subspaces / 128), block 128.
#include "pariskv.cuh"

extern "C" __global__ void head_blocks(const float* q,  // [heads][headDim], heads being rows times query heads
                                       float* blocks,   // [group][heads / group][headDim]
                                       int heads, int group, int subspaces, float scale) {
  int64_t block = global_x();  // of 8 coordinates
  int64_t blocks_of_all = int64_t(heads) * subspaces;
  int64_t loaded = min(block, blocks_of_all - 1);  // lanes of the last warp that have none rotate with the others
  const float4* from = reinterpret_cast<const float4*>(q + loaded * SUBSPACE_DIM);
  float4 low = from[0];
  float4 high = from[1];
  float y[SUBSPACE_DIM] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
  rotate(y, subspaces);
  if (block < blocks_of_all) {
    int64_t head = block / subspaces;
    int64_t to = head % group * (heads / group) + head / group;
    float4* out = reinterpret_cast<float4*>(blocks + (to * subspaces + block % subspaces) * SUBSPACE_DIM);
    out[0] = make_float4(__fmul_rn(y[0], scale), __fmul_rn(y[1], scale), __fmul_rn(y[2], scale),
                         __fmul_rn(y[3], scale));
    out[1] = make_float4(__fmul_rn(y[4], scale), __fmul_rn(y[5], scale), __fmul_rn(y[6], scale),
                         __fmul_rn(y[7], scale));
  }
}

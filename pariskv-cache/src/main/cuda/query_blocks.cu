// query_blocks.cu -- stage 5a: the mean of a group's query heads, rotated and scaled, bit for bit as
// io.pariskv.retrieve.QueryBlocks says.
//
// A lane has 8 coordinates of one (row, KV head), its neighbours the others; a warp has 32 / subspaces of them. Bound by
// the latency of a few loads: all queries of a layer are some KiB.
// grid ceil(heads * subspaces / 128), block 128.

extern "C" __global__ void query_blocks(const float* q,  // [heads][group][headDim], heads being rows times KV heads
                                        float* blocks,   // [heads][headDim]
                                        int heads, int group, int subspaces, float scale) {
  int64_t block = global_x();  // of 8 coordinates
  int64_t blocks_of_all = int64_t(heads) * subspaces;
  int64_t loaded = min(block, blocks_of_all - 1);  // lanes of the last warp that have none rotate with the others
  int64_t width = subspaces * SUBSPACE_DIM;
  const float* from = q + loaded / subspaces * group * width + loaded % subspaces * SUBSPACE_DIM;
  float y[SUBSPACE_DIM] = {};
#pragma unroll 4
  for (int head = 0; head < group; head++) {
    float4 low = *reinterpret_cast<const float4*>(from + head * width);
    float4 high = *reinterpret_cast<const float4*>(from + head * width + 4);
    float x[SUBSPACE_DIM] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
    for (int j = 0; j < SUBSPACE_DIM; j++) {
      y[j] = head == 0 ? x[j] : __fadd_rn(y[j], x[j]);  // 0 + x would lose the sign of a zero
    }
  }
#pragma unroll
  for (int j = 0; j < SUBSPACE_DIM; j++) {
    y[j] = __fdiv_rn(y[j], float(group));
  }
  rotate(y, subspaces);
  if (block < blocks_of_all) {
    float4* to = reinterpret_cast<float4*>(blocks + block * SUBSPACE_DIM);
    to[0] = make_float4(__fmul_rn(y[0], scale), __fmul_rn(y[1], scale), __fmul_rn(y[2], scale),
                        __fmul_rn(y[3], scale));
    to[1] = make_float4(__fmul_rn(y[4], scale), __fmul_rn(y[5], scale), __fmul_rn(y[6], scale),
                        __fmul_rn(y[7], scale));
  }
}

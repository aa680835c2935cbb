// query_blocks.cu -- stage 5a: the mean of a group's query heads, rotated and scaled, bit for bit as
// io.pariskv.retrieve.QueryBlocks says.
//
// A lane has 8 coordinates of one (row, KV head), its neighbours the others; a warp has 32 / subspaces of them. Bound by
// the latency of a few loads: all queries of a layer are some KiB.
// grid ceil(heads * subspaces / 128), block 128.
#include "pariskv.cuh"

#include "query_blocks.cuh"

extern "C" __global__ void query_blocks(const float* q,  // [heads][group][headDim], heads being rows times KV heads
                                        float* blocks,   // [heads][headDim]
                                        int heads, int group, int subspaces, float scale) {
  int64_t block = global_x();  // of 8 coordinates
  int64_t blocks_of_all = int64_t(heads) * subspaces;
  int64_t loaded = min(block, blocks_of_all - 1);  // lanes of the last warp that have none rotate with the others
  int64_t width = subspaces * SUBSPACE_DIM;
  const float* from = q + loaded / subspaces * group * width + loaded % subspaces * SUBSPACE_DIM;
  float y[SUBSPACE_DIM] = {};
  group_mean(from, group, width, y);
  rotate_scaled(y, subspaces, scale);
  if (block < blocks_of_all) {
    store_block(blocks + block * SUBSPACE_DIM, y);
  }
}

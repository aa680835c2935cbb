// query_blocks.cuh -- what query_blocks.cu and retrieval_table.cu share. Without a guard: each needs it in its
// namespace.

/** Coordinates j to j + 7 of the mean of a group's heads; `from` is coordinate j of the first head. */
__device__ __forceinline__ void group_mean(const float* from, int group, int64_t width, float (&y)[SUBSPACE_DIM]) {
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
}

/** The mean, rotated and scaled; lanes share a head as `rotate` says. All 32 lanes must take part. */
__device__ __forceinline__ void rotate_scaled(float (&y)[SUBSPACE_DIM], int subspaces, float scale) {
  rotate(y, subspaces);
#pragma unroll
  for (int j = 0; j < SUBSPACE_DIM; j++) {
    y[j] = __fmul_rn(y[j], scale);
  }
}

/** Writes 8 coordinates. */
__device__ __forceinline__ void store_block(float* to, const float (&y)[SUBSPACE_DIM]) {
  reinterpret_cast<float4*>(to)[0] = make_float4(y[0], y[1], y[2], y[3]);
  reinterpret_cast<float4*>(to)[1] = make_float4(y[4], y[5], y[6], y[7]);
}

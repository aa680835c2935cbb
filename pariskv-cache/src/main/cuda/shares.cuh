// shares.cuh -- how decode attention ends: the blocks that have attended shares of the same tokens leave their results in
// device memory, and the last of them to arrive merges them by log-sum-exp, in the order of the shares. Included by
// pariskv.cuh.
#pragma once

constexpr int BLOCK_HEADS = 8;    // query heads that a block serves, so that it reads K and V once
constexpr int MOST_SHARES = 128;  // of a query head

/** Query heads of one KV head; the block's number in y and z says which. */
struct HeadBlock {
  int kv_row;     // KV head of all rows' KV heads
  int kv_head;    // of its row
  int64_t first;  // query head of all rows' query heads
  int count;      // at most BLOCK_HEADS
};

/** For a grid of (any, kvHeads * ceil(group / BLOCK_HEADS), rows). */
__device__ __forceinline__ HeadBlock head_block(int kvHeads, int group) {
  int blocks = ceil_div(group, BLOCK_HEADS);
  HeadBlock block;
  block.kv_head = int(blockIdx.y) / blocks;
  block.kv_row = int(blockIdx.z) * kvHeads + block.kv_head;
  int first = int(blockIdx.y) % blocks * BLOCK_HEADS;
  block.first = int64_t(block.kv_row) * group + first;
  block.count = min(BLOCK_HEADS, group - first);
  return block;
}

__device__ __forceinline__ void add_scaled(float& sum, float scale, float x) { sum = fmaf(scale, x, sum); }

__device__ __forceinline__ void add_scaled(float4& sum, float scale, float4 x) {
  sum.x = fmaf(scale, x.x, sum.x);
  sum.y = fmaf(scale, x.y, sum.y);
  sum.z = fmaf(scale, x.z, sum.z);
  sum.w = fmaf(scale, x.w, sum.w);
}

/** The results of the blocks with this block's query heads, `count` of them, of which this one is number blockIdx.x. */
struct Shares {
  float* sums;      // [heads][splits][width], each relative to its maximum
  float2* weights;  // [heads][splits] maximum, in units of log 2, and total
  int* arrived;     // blocks that have left theirs; 0 before and after a launch
  float* out;       // [heads][width]
  int heads;
  int width;
  int count;  // shares that there are, at least 1
  int splits;  // shares that there is room for

  /** From the buffers of all heads. */
  __device__ __forceinline__ Shares(const HeadBlock& block, int width, int count, float* sums, float2* weights,
                                    int* arrived, float* out)
      : heads(block.count), width(width), count(count), splits(int(gridDim.x)) {
    this->sums = sums + block.first * splits * width;
    this->weights = weights + block.first * splits;
    this->arrived = arrived + int64_t(blockIdx.z) * gridDim.y + blockIdx.y;
    this->out = out + block.first * width;
  }

  /** Where this block leaves its maximum and total of a head. */
  __device__ __forceinline__ float2& weight(int head) const { return weights[head * splits + int(blockIdx.x)]; }

  /** Where this block leaves its sums of a head, [width]. */
  __device__ __forceinline__ float* sum(int head) const {
    return sums + int64_t(head * splits + int(blockIdx.x)) * width;
  }

  /** Whether all others have left theirs. Every thread of the block must call it, after leaving its own part. */
  __device__ __forceinline__ bool last_to_arrive() const {
    __threadfence();  // whoever sees this block arrive sees what this thread has left
    __syncthreads();  // as have the others
    int last = 0;
    if (threadIdx.x == 0) {
      last = atomicAdd(arrived, 1) == count - 1;
      if (last) {
        *arrived = 0;  // for the next launch
      }
    }
    last = __syncthreads_or(last);
    __threadfence();  // before this thread reads what others have left
    return last != 0;
  }

  /**
   * Merges all, by a whole block. Bound by latency: count * (width + 2) floats a head, which L2 has, eight loads of a
   * thread in flight.
   *
   * @param scales shared memory for [heads][count] floats, free for use
   */
  template <typename Unit>
  __device__ __forceinline__ void merge(float* scales) const {
    for (int head = warp_id(); head < heads; head += warp_count()) {
      const float2* of_head = weights + head * splits;
      float maximum = -INFINITY;
      for (int s = lane_id(); s < count; s += WARP) {
        maximum = fmaxf(maximum, __ldcg(of_head + s).x);
      }
      maximum = warp_max(maximum);
      float total = 0;
      for (int s = lane_id(); s < count; s += WARP) {
        float2 weight = __ldcg(of_head + s);
        float scale = weight.y == 0 ? 0 : exp2f(weight.x - maximum);
        scales[head * count + s] = scale;
        total += scale * weight.y;
      }
      total = warp_sum(total);
      for (int s = lane_id(); s < count; s += WARP) {  // those that this lane wrote
        scales[head * count + s] = total == 0 ? 0 : scales[head * count + s] / total;  // 0 where nothing is attended
      }
    }
    __syncthreads();  // all scales are there
    int units = width * int(sizeof(float)) / int(sizeof(Unit));
    for (int i = threadIdx.x; i < heads * units; i += blockDim.x) {
      int head = i / units;
      const Unit* from = reinterpret_cast<const Unit*>(sums) + int64_t(head) * splits * units + i % units;
      const float* scale = scales + head * count;
      Unit sum = {};
#pragma unroll 8
      for (int s = 0; s < count; s++) {
        add_scaled(sum, scale[s], __ldcg(from + int64_t(s) * units));
      }
      reinterpret_cast<Unit*>(out)[i] = sum;
    }
  }
};

// shares.cuh -- how decode attention ends: the blocks that have attended shares of the same tokens leave their results in
// device memory, and the last of them to arrive merges them by log-sum-exp, in the order of the shares. Included by
// pariskv.cuh.
#pragma once

constexpr int BLOCK_HEADS = 8;    // query heads that a block serves, so that it reads K and V once
constexpr int SHARES_IN_FLIGHT = 8;

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
  __device__ __forceinline__ bool last_to_arrive() const { return is_last_block(arrived, count); }

  /**
   * Merges all, by a whole block. Bound by latency: count * (width + 2) floats a head, which L2 has; a thread has eight
   * shares on their way, and finds their scales for itself, so that nothing waits for a barrier.
   */
  template <typename Unit>
  __device__ __forceinline__ void merge() const {
    int units = width * int(sizeof(float)) / int(sizeof(Unit));
    for (int i = threadIdx.x; i < heads * units; i += blockDim.x) {
      int head = i / units;
      const float2* of_head = weights + head * splits;
      const Unit* from = reinterpret_cast<const Unit*>(sums) + int64_t(head) * splits * units + i % units;
      float maximum = -INFINITY;
      float total = 0;
      Unit sum = {};
      for (int first = 0; first < count; first += SHARES_IN_FLIGHT) {
        float2 weight[SHARES_IN_FLIGHT];
        Unit part[SHARES_IN_FLIGHT];
#pragma unroll
        for (int j = 0; j < SHARES_IN_FLIGHT; j++) {
          int s = min(first + j, count - 1);
          weight[j] = __ldcg(of_head + s);
          part[j] = __ldcg(from + int64_t(s) * units);
        }
        float before = maximum;
#pragma unroll
        for (int j = 0; j < SHARES_IN_FLIGHT; j++) {
          maximum = fmaxf(maximum, weight[j].x);  // the last share, if it comes twice, does no harm
        }
        float shrink = total == 0 ? 0 : exp2f(before - maximum);
        total *= shrink;
        Unit shrunk = {};
        add_scaled(shrunk, shrink, sum);
        sum = shrunk;
#pragma unroll
        for (int j = 0; j < SHARES_IN_FLIGHT; j++) {
          if (first + j < count && weight[j].y != 0) {  // 0 if it attended nothing
            float scale = exp2f(weight[j].x - maximum);
            total += scale * weight[j].y;
            add_scaled(sum, scale, part[j]);
          }
        }
      }
      Unit result = {};
      add_scaled(result, total == 0 ? 0 : 1 / total, sum);  // 0 where nothing is attended
      reinterpret_cast<Unit*>(out)[i] = result;
    }
  }
};

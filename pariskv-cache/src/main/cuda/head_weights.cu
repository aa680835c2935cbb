// head_weights.cu -- retrieve.HeadWeights: the attention weights that a group's heads give each key, added up, bit for bit.
//
// One block a KV head: for each query head the largest score and the sum, then the weights of all heads key by key. The
// scores are read three times, from L2 after the first. For comparison with other methods, not for speed.
// grid (kvHeads, rows), block 1024, dynamic shared memory 8 * group bytes.
#include "pariskv.cuh"

constexpr int THREADS = 1024;

/** HeadWeights.coefficients of Java; a test holds them equal. */
__constant__ const float POWER[7] = {0x1.430912p-13f, 0x1.5d87fep-10f, 0x1.3b2ab6p-7f, 0x1.c6b08ep-5f,
                                     0x1.ebfbe0p-3f, 0x1.62e430p-1f, 1.0f};

/** 2^x as the contract says. */
__device__ __forceinline__ float power(float x) {
  if (!(x >= -120.0f)) {
    return 0;
  }
  float n = __fsub_rn(__fadd_rn(x, 12582912.0f), 12582912.0f);
  float f = __fsub_rn(x, n);
  float p = POWER[0];
#pragma unroll
  for (int i = 1; i < 7; i++) {
    p = __fmaf_rn(p, f, POWER[i]);
  }
  return __fmul_rn(p, __uint_as_float(uint32_t(127 + __float2int_rz(n)) << 23));
}

extern "C" __global__ void __launch_bounds__(1024)
    head_weights(const int* zones,     // [slots][3]
                 const int* slots,     // [rows]
                 const float* scores,  // [rows][kvHeads][group][capacity]
                 int capacity,
                 int group,
                 float scale,      // of scores, to units of log 2
                 float* combined,  // [rows][kvHeads][room]
                 int room) {
  extern __shared__ float2 heads[];  // largest score and sum of each
  __shared__ float largest_of_warp[WARP];
  __shared__ long long sum_of_warp[WARP];
  await_previous();
  release_next();
  const int* zone = zones + int64_t(slots[blockIdx.y]) * ZONE_FIELDS;
  int keys = min(zone[1] - zone[0], min(capacity, room));
  int64_t kv_row = int64_t(blockIdx.y) * gridDim.x + blockIdx.x;
  const float* of_group = scores + kv_row * group * capacity;
  for (int head = 0; head < group; head++) {
    const float* from = of_group + int64_t(head) * capacity;
    float largest = -INFINITY;
    for (int i = threadIdx.x; i < keys; i += THREADS) {
      largest = from[i] > largest ? from[i] : largest;  // NaN is left out
    }
    largest = block_max(largest, largest_of_warp);
    long long sum = 0;
    for (int i = threadIdx.x; i < keys; i += THREADS) {
      sum += __float2ll_rz(__fmul_rn(power(__fmul_rn(__fsub_rn(from[i], largest), scale)), 1073741824.0f));
    }
    sum = block_sum(sum, sum_of_warp);
    if (threadIdx.x == 0) {
      heads[head] = make_float2(largest, __fmul_rn(__ll2float_rn(sum), 9.31322574615478515625e-10f));  // 2^-30
    }
  }
  __syncthreads();  // all heads are there
  for (int i = threadIdx.x; i < keys; i += THREADS) {
    float weight = 0;
    for (int head = 0; head < group; head++) {
      float2 of_head = heads[head];
      float x = __fmul_rn(__fsub_rn(of_group[int64_t(head) * capacity + i], of_head.x), scale);
      float own = of_head.y > 0 ? __fdiv_rn(power(x), of_head.y) : 0;
      weight = head == 0 ? own : __fadd_rn(weight, own);
    }
    combined[kv_row * room + i] = weight;
  }
}

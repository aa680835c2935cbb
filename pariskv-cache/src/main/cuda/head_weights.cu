// head_weights.cu -- retrieve.HeadWeights: the attention weights that a group's heads give each key, added up, bit for bit.
//
// Three launches, each over many blocks: head_maxima finds the largest score of each block's keys, head_sums the sum of
// their powers, and head_weights divides and adds up, key by key for all heads of a group. Blocks leave their part of a maximum or a
// sum in a row of at most 32, which whoever needs it reads whole; no order of whole numbers matters. The
// scores are read three times, from L2 after the first time, and bound it, with the powers.
// grid (parts, heads, rows) twice, then (blocks, kvHeads, rows); block 512; the last one with dynamic shared memory of
// 8 * group bytes.
#include "pariskv.cuh"

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

/** Keys of row blockIdx.z that there are scores of. */
__device__ __forceinline__ int zone_keys(const int* zones, const int* slots, int capacity) {
  const int* zone = zones + int64_t(slots[blockIdx.z]) * ZONE_FIELDS;
  return min(zone[1] - zone[0], capacity);
}

/** The largest of the parts of a head; all lanes of a warp take part. */
__device__ __forceinline__ float largest_of(const float* maxima, int parts) {
  return warp_max(lane_id() < parts ? maxima[lane_id()] : -INFINITY);
}

extern "C" __global__ void __launch_bounds__(512)
    head_maxima(const int* zones,     // [slots][3]
                const int* slots,     // [rows]
                const float* scores,  // [rows][heads][capacity]
                int capacity,
                float* maxima) {      // [rows][heads][parts]
  __shared__ float scratch[WARP];
  await_previous();
  release_next();
  int keys = zone_keys(zones, slots, capacity);
  int64_t head = int64_t(blockIdx.z) * gridDim.y + blockIdx.y;
  const float* from = scores + head * capacity;
  float largest = -INFINITY;
#pragma unroll 4
  for (int i = int(global_x()); i < keys; i += int(grid_x())) {
    largest = from[i] > largest ? from[i] : largest;  // NaN is left out
  }
  largest = block_max(largest, scratch);
  if (threadIdx.x == 0) {
    maxima[head * gridDim.x + blockIdx.x] = largest;
  }
}

extern "C" __global__ void __launch_bounds__(512)
    head_sums(const int* zones, const int* slots, const float* scores, int capacity,
              float scale,          // of scores, to units of log 2
              const float* maxima,  // [rows][heads][parts]
              long long* sums) {    // [rows][heads][parts]
  __shared__ long long scratch[WARP];
  await_previous();
  release_next();
  int keys = zone_keys(zones, slots, capacity);
  int64_t head = int64_t(blockIdx.z) * gridDim.y + blockIdx.y;
  const float* from = scores + head * capacity;
  float largest = largest_of(maxima + head * gridDim.x, int(gridDim.x));
  long long sum = 0;
#pragma unroll 4
  for (int i = int(global_x()); i < keys; i += int(grid_x())) {
    sum += __float2ll_rz(__fmul_rn(power(__fmul_rn(__fsub_rn(from[i], largest), scale)), 1073741824.0f));
  }
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) {
    sums[head * gridDim.x + blockIdx.x] = sum;
  }
}

extern "C" __global__ void __launch_bounds__(512)
    head_weights(const int* zones, const int* slots, const float* scores, int capacity, float scale,
                 const float* maxima, const long long* sums, int parts, int group,
                 float* combined,  // [rows][kvHeads][room]
                 int room) {
  extern __shared__ float2 heads[];  // [group] largest score and sum
  await_previous();
  release_next();
  int keys = min(zone_keys(zones, slots, capacity), room);
  int64_t kv_row = int64_t(blockIdx.z) * gridDim.y + blockIdx.y;
  const float* of_group = scores + kv_row * group * capacity;
  for (int head = warp_id(); head < group; head += warp_count()) {  // whole warps
    int64_t first = (kv_row * group + head) * parts;
    float largest = largest_of(maxima + first, parts);
    long long sum = warp_sum(lane_id() < parts ? sums[first + lane_id()] : 0ll);
    if (lane_id() == 0) {
      heads[head] = make_float2(largest, __fmul_rn(__ll2float_rn(sum), 9.31322574615478515625e-10f));  // 2^-30
    }
  }
  __syncthreads();  // all heads are there
  for (int i = int(global_x()); i < keys; i += int(grid_x())) {
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

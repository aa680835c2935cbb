// value_norms.cu -- index.ValueNorms: the length of every value, bit for bit as the contract adds.
//
// A lane has eight coordinates of one value, so a warp has 32 / lanes values; halves are added across lanes first, by
// shuffles, and then within a lane. Bound by the bytes of the values, in a prompt's chunk mostly from L2.
// grid (ceil(count / values of a block), kvHeads), block 256. Outside of steps.
#include "pariskv.cuh"

constexpr int OWN = SUBSPACE_DIM;  // coordinates of a lane

__device__ __forceinline__ void load(const uint16_t* from, float (&x)[OWN]) { unpack_bf16(load128_once(from), x); }

__device__ __forceinline__ void load(const float* from, float (&x)[OWN]) {
  uint4 low = load128_once(from);
  uint4 high = load128_once(from + 4);
  uint32_t bits[OWN] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
  for (int j = 0; j < OWN; j++) {
    x[j] = __uint_as_float(bits[j]);
  }
}

template <typename T>
__device__ __forceinline__ void find_norms(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                           int layers, int slot, int from, int count, int zone_from,
                                           const uint64_t* table, int lanes, const uint64_t* near) {
  int head = blockIdx.y;
  int length = zones[int64_t(slot) * ZONE_FIELDS + 2];
  KvHead<T> values = kv_head<T>(slabs, residents, length, slot, layer, layers, 1, head, gridDim.y, lanes * OWN);
  if (near != nullptr) {
    values.slabs = near;
    values.resident = nullptr;
  }
  int of_warp = WARP / lanes;
  int value = (int(blockIdx.x) * warp_count() + warp_id()) * of_warp + lane_id() / lanes;
  float x[OWN];
  load(values.row(from + min(value, count - 1)) + lane_id() % lanes * OWN, x);  // all lanes take part in the shuffles
#pragma unroll
  for (int j = 0; j < OWN; j++) {
    x[j] = __fmul_rn(x[j], x[j]);
  }
  for (int distance = lanes / 2; distance > 0; distance /= 2) {
#pragma unroll
    for (int j = 0; j < OWN; j++) {
      x[j] = __fadd_rn(x[j], __shfl_xor_sync(FULL_WARP, x[j], distance));
    }
  }
#pragma unroll
  for (int half = OWN / 2; half > 0; half /= 2) {
#pragma unroll
    for (int j = 0; j < half; j++) {
      x[j] = __fadd_rn(x[j], x[j + half]);
    }
  }
  if (value < count && lane_id() % lanes == 0) {
    int position = zone_from + value;
    float norm = __fsqrt_rn(x[0]);
    uint16_t* out = reinterpret_cast<uint16_t*>(index_slabs(table, slot, layer, layers)[slab_index(position)]);
    out[slab_offset(head, position, 1)] = norm <= 0x1.fep127f ? float_to_bf16(norm) : 0x7f7f;
  }
}

extern "C" __global__ void __launch_bounds__(256)
    value_norms_bf16(const uint64_t* slabs,      // see pariskv.cuh
                     const uint64_t* residents,  // [slots], or nullptr
                     const int* zones,           // [slots][3]
                     int layer, int layers, int slot,
                     int from, int count,        // positions of the values in the sequence
                     int zone_from,              // zone position of the first
                     const uint64_t* table,      // [slots][layers][MAX_SLABS] of [kvHeads][SLAB_TOKENS] bf16
                     int lanes,                  // of a value: headDim / 8
                     const uint64_t* near) {     // [MAX_SLABS] slabs to read instead, or nullptr
  find_norms<uint16_t>(slabs, residents, zones, layer, layers, slot, from, count, zone_from, table, lanes, near);
}

/** The same for values stored as f32. */
extern "C" __global__ void __launch_bounds__(256)
    value_norms_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, int slot,
                    int from, int count, int zone_from, const uint64_t* table, int lanes, const uint64_t* near) {
  find_norms<float>(slabs, residents, zones, layer, layers, slot, from, count, zone_from, table, lanes, near);
}

// key_centre.cu -- index.KeyCentre: the mean of keys of a retrieval zone, and where votes begin
//
// Each time that a zone has doubled, over a thousand keys. A block has a KV head; 64 threads read one key, up to four
// coordinates each, and there are as many such groups as partial sums in the contract. Bound by the latency of 64 loads
// one after another, of which four are under way at a time.
// grid kvHeads, block 16 * min(64, headDim).
#include "pariskv.cuh"

constexpr int SAMPLES = 1024;
constexpr int PARTIAL_SUMS = 16;
constexpr int THREADS = 64;     // that read one key, at most
constexpr int COORDINATES = 4;  // of one thread, at most

__device__ __forceinline__ double number(const uint16_t* at) { return double(bf16_to_float(*at)); }
__device__ __forceinline__ double number(const float* at) { return double(*at); }

/** Zone position of sample `i`. */
__device__ __forceinline__ int sample(int i, int keys) {
  return keys <= SAMPLES ? i : int((int64_t(i) << 16 | (i * 40503 & 0xffff)) * keys >> 26);
}

/** This thread's coordinate of a key, modulo THREADS. */
__device__ __forceinline__ int coordinate() { return threadIdx.x % (blockDim.x / PARTIAL_SUMS); }

/** The partial sum that this thread adds to. */
__device__ __forceinline__ int part() { return threadIdx.x / (blockDim.x / PARTIAL_SUMS); }

/** The sum of all partial sums of a coordinate, for the threads of part 0. */
__device__ __forceinline__ double halving(double mine, double (&partial)[PARTIAL_SUMS / 2][THREADS]) {
  for (int half = PARTIAL_SUMS / 2; half > 0; half /= 2) {
    if (part() >= half && part() < 2 * half) {
      partial[part() - half][coordinate()] = mine;
    }
    __syncthreads();  // the upper half is there
    if (part() < half) {
      mine = __dadd_rn(mine, partial[part()][coordinate()]);
    }
    __syncthreads();  // and has been read
  }
  return mine;
}

template <typename T>
__device__ __forceinline__ void find(const KvHead<T>& rows, int from, int keys, float* centre, int* floor) {
  __shared__ double partial[PARTIAL_SUMS / 2][THREADS];
  __shared__ double moments[2][THREADS * COORDINATES];  // mean square and square of the mean
  int samples = min(keys, SAMPLES);
  double sums[COORDINATES] = {};
  double squares[COORDINATES] = {};
#pragma unroll 4
  for (int i = part(); i < samples; i += PARTIAL_SUMS) {
    const T* row = rows.row(from + sample(i, keys));
#pragma unroll
    for (int c = 0; c < COORDINATES; c++) {
      int j = c * THREADS + coordinate();
      double k = j < rows.width ? number(row + j) : 0.0;
      sums[c] = __dadd_rn(sums[c], k);
      squares[c] = __dadd_rn(squares[c], __dmul_rn(k, k));
    }
  }
#pragma unroll
  for (int c = 0; c < COORDINATES; c++) {
    double sum = halving(sums[c], partial);
    double square = halving(squares[c], partial);
    int j = c * THREADS + coordinate();
    if (part() == 0 && j < rows.width) {
      float mean = __double2float_rn(__ddiv_rn(sum, double(samples)));
      centre[j] = mean;
      moments[0][j] = __ddiv_rn(square, double(samples));
      moments[1][j] = __dmul_rn(double(mean), double(mean));
    }
  }
  __syncthreads();  // the moments are there
  if (threadIdx.x == 0) {
    double spread2 = 0;
    for (int j = 0; j < rows.width; j++) {
      spread2 = __dsub_rn(__dadd_rn(spread2, moments[0][j]), moments[1][j]);
    }
    int subspaces = rows.width / SUBSPACE_DIM;
    float most = __double2float_rn(__dmul_rn(double(SCORE_LEVELS * subspaces), __dsqrt_rn(spread2)));
    *floor = spread2 > 0 ? max(0, __float_as_int(most) - (7 << 23)) : 0;
  }
}

template <typename T>
__device__ __forceinline__ void find(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                     int layers, int slot, int from, int keys, const uint64_t* centre_table,
                                     int head_dim, const uint64_t* near) {
  int head = blockIdx.x;
  int heads = gridDim.x;
  KvHead<T> rows = kv_head<T>(slabs, residents, zones[slot * ZONE_FIELDS + 2], slot, layer, layers, 0, head, heads,
                              head_dim);
  if (near != nullptr) {
    rows.slabs = near;
    rows.resident = nullptr;
  }
  float* centres = reinterpret_cast<float*>(centre_table[int64_t(slot) * layers + layer]);
  find(rows, from, keys, centres + head * head_dim, reinterpret_cast<int*>(centres + heads * head_dim) + head);
}

extern "C" __global__ void __launch_bounds__(1024)
    key_centre_bf16(const uint64_t* slabs,         // see kv_rows.cuh
                    const uint64_t* residents,     // [slots], or nullptr
                    const int* zones,              // [slots][3]
                    int layer, int layers, int slot,
                    int from, int keys,            // first position of the zone, and how many of its keys
                    const uint64_t* centre_table,  // [slots][layers] of centres [kvHeads][headDim] and floors [kvHeads]
                    int head_dim,                  // a power of two from 16 to 256
                    const uint64_t* near) {        // [MAX_SLABS] slabs to read instead, or nullptr
  find<uint16_t>(slabs, residents, zones, layer, layers, slot, from, keys, centre_table, head_dim, near);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(1024)
    key_centre_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, int slot,
                   int from, int keys, const uint64_t* centre_table, int head_dim, const uint64_t* near) {
  find<float>(slabs, residents, zones, layer, layers, slot, from, keys, centre_table, head_dim, near);
}

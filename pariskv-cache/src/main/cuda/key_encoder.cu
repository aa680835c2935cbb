// key_encoder.cu -- stage 4: keys to ids, codes, weights and populations, bit for bit as io.pariskv.index.KeyEncoder says.
//
// A lane has one subspace of one key, so a warp has 32 / subspaces keys: keys come in 16 bytes a lane (32 of f32), the
// rotation crosses lanes by shuffles, and ids and records of neighbouring keys go out side by side. Centroids are
// counted in shared memory and added to the populations when the block ends: an atomic in device memory a subspace and
// key would cost more than all the rest.
//
// In a prompt's chunk the keys are in device memory, also with offload, and mostly still in L2: 4,096 keys of 8 heads of
// 128 numbers are 8.4 MB to read, 3.7 MB to write (4 us) and 5 million instructions of a warp (6 us). Otherwise, with
// offload, all but the first and last rows come over PCIe, which is then the bound.
// grid (blocks of one KV head, each striding over all keys; kvHeads), block 512,
// shared subspaces * 256 counters of 4 bytes.

/** What is kept of one subspace of a key. */
struct Block {
  uint32_t id;
  uint32_t codes;
  uint16_t weight;
  float squares;
};

__device__ __forceinline__ void load(const uint16_t* from, float (&y)[SUBSPACE_DIM]) {
  unpack_bf16(load128_once(from), y);
}

__device__ __forceinline__ void load(const float* from, float (&y)[SUBSPACE_DIM]) {
  uint4 low = load128_once(from);
  uint4 high = load128_once(from + 4);
  uint32_t bits[SUBSPACE_DIM] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
  for (int j = 0; j < SUBSPACE_DIM; j++) {
    y[j] = __uint_as_float(bits[j]);
  }
}

/** In pairs, as the contract adds. */
__device__ __forceinline__ float sum(const float (&x)[SUBSPACE_DIM]) {
  return __fadd_rn(__fadd_rn(__fadd_rn(x[0], x[1]), __fadd_rn(x[2], x[3])),
                   __fadd_rn(__fadd_rn(x[4], x[5]), __fadd_rn(x[6], x[7])));
}

/** How many borders are below `magnitude`; they ascend, so three comparisons tell. */
__device__ __forceinline__ uint32_t level(float magnitude, const float (&borders)[7]) {
  bool half = magnitude > borders[3];
  bool quarter = magnitude > (half ? borders[5] : borders[1]);
  float last = quarter ? (half ? borders[6] : borders[2]) : (half ? borders[4] : borders[0]);
  return (half ? 4u : 0u) + (quarter ? 2u : 0u) + (magnitude > last ? 1u : 0u);
}

__device__ __forceinline__ Block summarise(const float (&y)[SUBSPACE_DIM], const float* levels, float scale) {
  float products[SUBSPACE_DIM];
#pragma unroll
  for (int j = 0; j < SUBSPACE_DIM; j++) {
    products[j] = __fmul_rn(y[j], y[j]);
  }
  float squares = sum(products);
  float r = __fsqrt_rn(squares);
  float borders[7];
#pragma unroll
  for (int i = 0; i < 7; i++) {
    borders[i] = __fmul_rn(LEVEL_BORDERS[i], r);
  }
  Block block = {0, 0, 0, squares};
#pragma unroll
  for (int j = 0; j < SUBSPACE_DIM; j++) {
    float magnitude = fabsf(y[j]);
    uint32_t sign = y[j] >= 0.0f ? 1u : 0u;  // of negative zero too
    uint32_t code = level(magnitude, borders);
    products[j] = __fmul_rn(levels[code], magnitude);
    block.id |= sign << j;
    block.codes |= (8 * sign + code) << 4 * j;
  }
  float alpha = fmaxf(__fdiv_rn(sum(products), r), 1e-6f);
  block.weight = r == 0.0f ? 0 : float_to_bf16(__fmul_rn(__fdiv_rn(r, alpha), scale));
  return block;
}

/** The norm of a key in neighbouring lanes, its blocks' squares added by halving as the contract says. */
template <int SUBSPACES>
__device__ __forceinline__ uint16_t norm(float squares, float scale) {
#pragma unroll
  for (int half = SUBSPACES / 2; half > 0; half /= 2) {
    squares = __fadd_rn(squares, __shfl_xor_sync(FULL_WARP, squares, half));
  }
  return float_to_bf16(__fmul_rn(__fsqrt_rn(squares), scale));
}

/** The keys of one KV head and where their summaries go. */
template <typename T>
struct Job {
  KvHead<T> keys;
  int from;
  int count;
  const uint64_t* ids;      // [MAX_SLABS]
  const uint64_t* records;  // [MAX_SLABS]
  const uint64_t* norms;    // [MAX_SLABS]
  int* populations;         // [subspaces][CENTROIDS], or nullptr with scores
  const float* centre;      // [headDim], or nullptr with tiers
  int zone_from;
  float scale;
};

template <int SUBSPACES, typename T>
__device__ __forceinline__ void encode(const Job<T>& job) {
  constexpr int KEYS = WARP / SUBSPACES;  // of a warp
  extern __shared__ int counts[];         // [SUBSPACES][CENTROIDS]
  __shared__ float levels[8];             // lanes look up different ones at once
  for (int i = threadIdx.x; i < SUBSPACES * CENTROIDS; i += blockDim.x) {
    counts[i] = 0;
  }
  if (threadIdx.x < 8) {
    levels[threadIdx.x] = LEVELS[threadIdx.x];
  }
  __syncthreads();

  int subspace = lane_id() % SUBSPACES;
  int first = (blockIdx.x * warp_count() + warp_id()) * KEYS;
  for (; first < job.count; first += gridDim.x * warp_count() * KEYS) {
    int key = first + lane_id() / SUBSPACES;
    float y[SUBSPACE_DIM];
    load(job.keys.row(job.from + min(key, job.count - 1)) + subspace * SUBSPACE_DIM, y);
    if (job.centre != nullptr) {
#pragma unroll
      for (int j = 0; j < SUBSPACE_DIM; j++) {
        y[j] = __fsub_rn(y[j], job.centre[subspace * SUBSPACE_DIM + j]);
      }
    }
    rotate(y, SUBSPACES);
    Block block = summarise(y, levels, job.scale);
    uint16_t length = norm<SUBSPACES>(block.squares, job.scale);
    if (key < job.count) {  // the last warp is partial; its lanes had to rotate with the others
      int position = job.zone_from + key;
      int slab = slab_index(position);
      int64_t row = slab_offset(job.keys.head, position, 1);
      uint8_t* id = reinterpret_cast<uint8_t*>(job.ids[slab]) + row * SUBSPACES;
      uint8_t* record = reinterpret_cast<uint8_t*>(job.records[slab]) + row * 6 * SUBSPACES;
      id[subspace] = block.id;
      reinterpret_cast<uint32_t*>(record)[subspace] = block.codes;
      reinterpret_cast<uint16_t*>(record + 4 * SUBSPACES)[subspace] = block.weight;
      if (job.centre == nullptr) {
        atomicAdd(&counts[subspace * CENTROIDS + block.id], 1);
      } else if (subspace == 0) {
        reinterpret_cast<uint16_t*>(job.norms[slab])[row] = length;
      }
    }
  }

  if (job.centre != nullptr) {
    return;
  }
  __syncthreads();  // all keys of the block are counted
  for (int i = threadIdx.x; i < SUBSPACES * CENTROIDS; i += blockDim.x) {
    if (counts[i] != 0) {
      atomicAdd(&job.populations[i], counts[i]);
    }
  }
}

template <typename T>
__device__ __forceinline__ void encode(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, int slot, int from, int count, const uint64_t* id_table,
                                       const uint64_t* record_table, const uint64_t* norm_table,
                                       const uint64_t* fixed_table, int zone_from, int subspaces, float scale,
                                       const uint64_t* near) {
  int head = blockIdx.y;
  int length = zones[slot * ZONE_FIELDS + 2];
  int width = subspaces * SUBSPACE_DIM;
  Job<T> job;
  job.keys = kv_head<T>(slabs, residents, length, slot, layer, layers, 0, head, gridDim.y, width);
  if (near != nullptr) {
    job.keys.slabs = near;
    job.keys.resident = nullptr;
  }
  job.from = from;
  job.count = count;
  job.ids = index_slabs(id_table, slot, layer, layers);
  job.records = index_slabs(record_table, slot, layer, layers);
  job.norms = nullptr;
  job.populations = nullptr;
  job.centre = nullptr;
  uint64_t fixed = fixed_table[int64_t(slot) * layers + layer];
  if (norm_table == nullptr) {
    job.populations = reinterpret_cast<int*>(fixed) + head * subspaces * CENTROIDS;
  } else {
    job.norms = index_slabs(norm_table, slot, layer, layers);
    job.centre = reinterpret_cast<const float*>(fixed) + head * width;
  }
  job.zone_from = zone_from;
  job.scale = scale;
  switch (subspaces) {
    case 2: return encode<2>(job);
    case 4: return encode<4>(job);
    case 8: return encode<8>(job);
    case 16: return encode<16>(job);
    case 32: return encode<32>(job);
  }
}

extern "C" __global__ void __launch_bounds__(512, 2)
    key_encoder_bf16(const uint64_t* slabs,             // [slots][layers][2][MAX_SLABS]
                     const uint64_t* residents,         // [slots], or nullptr
                     const int* zones,                  // [slots][3]
                     int layer, int layers, int slot,
                     int from, int count,               // positions of the keys in the sequence
                     const uint64_t* id_table,          // [slots][layers][MAX_SLABS]
                     const uint64_t* record_table,      // [slots][layers][MAX_SLABS]
                     const uint64_t* norm_table,        // [slots][layers][MAX_SLABS] with scores, nullptr with tiers
                     const uint64_t* fixed_table,       // [slots][layers] of populations, or of centres and floors
                     int zone_from,                     // zone position of the first key
                     int subspaces, float scale,
                     const uint64_t* near) {            // [MAX_SLABS] slabs to read instead, or nullptr
  encode<uint16_t>(slabs, residents, zones, layer, layers, slot, from, count, id_table, record_table,
                   norm_table, fixed_table, zone_from, subspaces, scale, near);
}

/** The same for keys stored as f32. */
extern "C" __global__ void __launch_bounds__(512, 2)
    key_encoder_f32(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers,
                    int slot, int from, int count, const uint64_t* id_table, const uint64_t* record_table,
                    const uint64_t* norm_table, const uint64_t* fixed_table, int zone_from, int subspaces,
                    float scale, const uint64_t* near) {
  encode<float>(slabs, residents, zones, layer, layers, slot, from, count, id_table, record_table, norm_table,
                fixed_table, zone_from, subspaces, scale, near);
}

// hash_collisions.cu -- retrieve.HashSampling, first part: the bits of the queries, and which keys collide twice with them.
//
// query_hash: a thread has a plane and four query heads; the planes are read from L2.
// grid (ceil(stride / 128), ceil(rows * heads / 4)), block 128, dynamic shared memory 16 * headDim bytes.
//
// hash_collisions_*: a block has a slab of 1,024 keys of one KV head and four or eight query heads. Lane l of a warp has keys
// 32 l to 32 l + 31, a bit each, so a plane is one line of 128 bytes, and a table costs `bits` operations a head for 32 keys
// at once and three to count. The warps share the tables, each with the words of one in flight, and in the end add up what
// they counted. Bound by the bytes of the signatures, planes / 8 a key and KV head, read once for up to eight heads.
// grid (slabs, kvHeads * ceil(group / HEADS), rows), block 256, static shared memory only.
#include "pariskv.cuh"

constexpr int HASH_HEADS = 4;  // of a block of query_hash
constexpr int THREADS = 256;
constexpr int WARPS = THREADS / WARP;
constexpr int WORDS = SLAB_TOKENS / WARP;  // of a plane in a row of signatures
constexpr int MOST_BITS = 16;
constexpr int MASKS = 8192;  // words of shared memory, for a round of tables

extern "C" __global__ void __launch_bounds__(128)
    query_hash(const float* q,  // [heads][headDim], the heads of all rows
               int heads, int headDim,
               const float* planes,  // [headDim][stride], zeros beyond the planes
               int stride,
               uint32_t* bits) {  // out, [heads][stride / 32]
  extern __shared__ float queries[];  // [HASH_HEADS][headDim]
  await_previous();
  release_next();
  int first = int(blockIdx.y) * HASH_HEADS;
  int count = min(HASH_HEADS, heads - first);
  for (int i = threadIdx.x; i < HASH_HEADS * headDim; i += blockDim.x) {
    queries[i] = i < count * headDim ? q[int64_t(first) * headDim + i] : 0;
  }
  __syncthreads();  // the queries are there
  int plane = int(blockIdx.x) * int(blockDim.x) + int(threadIdx.x);
  if (plane >= stride) {  // the whole warp; no barrier follows
    return;
  }
  float sums[HASH_HEADS] = {};
#pragma unroll 16
  for (int i = 0; i < headDim; i++) {
    float w = __ldg(planes + int64_t(i) * stride + plane);
#pragma unroll
    for (int h = 0; h < HASH_HEADS; h++) {
      sums[h] = __fmaf_rn(queries[h * headDim + i], w, sums[h]);
    }
  }
#pragma unroll
  for (int h = 0; h < HASH_HEADS; h++) {
    uint32_t word = __ballot_sync(FULL_WARP, sums[h] > 0);
    if (lane_id() == 0 && h < count) {
      bits[(int64_t(first) + h) * (stride / WARP) + plane / WARP] = word;
    }
  }
}

/** Of the 32 keys of a lane, for each head: those without a collision so far, and those with at most one. */
template <int HEADS>
struct Counted {
  uint32_t none[HEADS];
  uint32_t few[HEADS];

  /** Counts a table, whose words and masks are `bits` each. */
  __device__ __forceinline__ void count(const uint32_t* words, const uint32_t* masks, int bits) {
    uint32_t x[MOST_BITS];
#pragma unroll
    for (int j = 0; j < MOST_BITS; j++) {
      x[j] = j < bits ? __ldcs(words + j * WORDS) : 0;
    }
    uint32_t other[HEADS] = {};  // keys with another bit
#pragma unroll
    for (int j = 0; j < MOST_BITS; j++) {
      if (j < bits) {  // of the whole block
#pragma unroll
        for (int h = 0; h < HEADS; h += 4) {
          uint4 mask = *reinterpret_cast<const uint4*>(masks + j * HEADS + h);
          other[h] |= x[j] ^ mask.x;
          other[h + 1] |= x[j] ^ mask.y;
          other[h + 2] |= x[j] ^ mask.z;
          other[h + 3] |= x[j] ^ mask.w;
        }
      }
    }
#pragma unroll
    for (int h = 0; h < HEADS; h++) {
      add(h, other[h], ~0u);
    }
  }

  /** Adds what was counted elsewhere. */
  __device__ __forceinline__ void add(int h, uint32_t other_none, uint32_t other_few) {
    few[h] &= other_few & (none[h] | other_none);
    none[h] &= other_none;
  }
};

template <int HEADS>
__device__ __forceinline__ void collide(const int* zones, const int* slots, int layer, int layers,
                                        const uint64_t* table, const uint32_t* bits, int kvHeads, int group,
                                        int table_bits, int tables, int stride, int capacity, uint32_t* hits,
                                        int* hits_of_slabs) {
  __shared__ __align__(16) uint32_t shared[MASKS];  // masks [tables of a round][bits][HEADS]; then counted [WARPS][2][HEADS][32]
  int chunks = ceil_div(group, HEADS);
  int kv_head = int(blockIdx.y) / chunks;
  int first_head = int(blockIdx.y) % chunks * HEADS;
  int heads = min(HEADS, group - first_head);
  int planes = table_bits * tables;
  await_previous();
  release_next();

  int slot = slots[blockIdx.z];
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  int keys = min(zone[1] - zone[0], capacity);
  int first = int(blockIdx.x) * SLAB_TOKENS;
  if (first >= keys) {
    return;  // the whole block; there may be no slab
  }
  const uint32_t* words = reinterpret_cast<const uint32_t*>(index_slabs(table, slot, layer, layers)[blockIdx.x]) +
                          int64_t(kv_head) * planes * WORDS + lane_id();
  int64_t head = (int64_t(blockIdx.z) * kvHeads + kv_head) * group + first_head;
  const uint32_t* query = bits + head * (stride / WARP);
  Counted<HEADS> counted;
#pragma unroll
  for (int h = 0; h < HEADS; h++) {
    counted.none[h] = ~0u;
    counted.few[h] = ~0u;
  }
  int of_round = MASKS / (HEADS * table_bits);
  for (int from = 0; from < tables; from += of_round) {
    int count = min(of_round, tables - from);
    __syncthreads();  // the masks of the round before have been read
    for (int e = threadIdx.x; e < count * table_bits * HEADS; e += THREADS) {
      int plane = from * table_bits + e / HEADS;
      int h = e % HEADS;
      uint32_t word = h < heads ? query[h * (stride / WARP) + plane / WARP] : 0;
      shared[e] = 0u - (word >> plane % WARP & 1);
    }
    __syncthreads();  // the masks are there
    for (int t = warp_id(); t < count; t += WARPS) {
      counted.count(words + int64_t(from + t) * table_bits * WORDS, shared + t * table_bits * HEADS, table_bits);
    }
  }
  __syncthreads();  // no more masks
#pragma unroll
  for (int h = 0; h < HEADS; h++) {
    shared[((warp_id() * 2) * HEADS + h) * WARP + lane_id()] = counted.none[h];
    shared[((warp_id() * 2 + 1) * HEADS + h) * WARP + lane_id()] = counted.few[h];
  }
  __syncthreads();  // all have left what they counted
  int own = warp_id();
  if (own >= heads) {
    return;  // the whole warp; no barrier follows
  }
  Counted<1> sum = {{~0u}, {~0u}};
  for (int warp = 0; warp < WARPS; warp++) {
    sum.add(0, shared[((warp * 2) * HEADS + own) * WARP + lane_id()],
            shared[((warp * 2 + 1) * HEADS + own) * WARP + lane_id()]);
  }
  int left = keys - first - lane_id() * WARP;  // keys of this lane, if not more
  uint32_t there = left >= WARP ? ~0u : left <= 0 ? 0u : (1u << left) - 1;
  uint32_t hit = ~sum.few[0] & there;
  int count = warp_sum(__popc(hit));
  hits[((head + own) * gridDim.x + blockIdx.x) * WORDS + lane_id()] = hit;
  if (lane_id() == 0) {
    hits_of_slabs[(head + own) * gridDim.x + blockIdx.x] = count;
  }
}

extern "C" __global__ void __launch_bounds__(256)
    hash_collisions_4(const int* zones,  // [slots][3]
                      const int* slots,  // [rows]
                      int layer, int layers,
                      const uint64_t* table,  // [slots][layers][MAX_SLABS] of [kvHeads][planes][32]
                      const uint32_t* bits,   // [rows][kvHeads][group][stride / 32]
                      int kvHeads, int group, int table_bits, int tables, int stride,
                      int capacity,          // most keys of a zone
                      uint32_t* hits,        // out, [rows][kvHeads][group][slabs][32]; of slabs with keys
                      int* hits_of_slabs) {  // out, [rows][kvHeads][group][slabs]; of slabs with keys
  collide<4>(zones, slots, layer, layers, table, bits, kvHeads, group, table_bits, tables, stride, capacity, hits,
             hits_of_slabs);
}

/** The same for larger groups. */
extern "C" __global__ void __launch_bounds__(256)
    hash_collisions_8(const int* zones, const int* slots, int layer, int layers, const uint64_t* table,
                      const uint32_t* bits, int kvHeads, int group, int table_bits, int tables, int stride,
                      int capacity, uint32_t* hits, int* hits_of_slabs) {
  collide<8>(zones, slots, layer, layers, table, bits, kvHeads, group, table_bits, tables, stride, capacity, hits,
             hits_of_slabs);
}

// decode_attention.cu -- attention.DecodeAttention for bf16 rows of head size 64 or 128, on tensor cores.
//
// A block serves up to eight query heads of one KV head, so K and V are read once, and one of `splits` even shares of
// the attended tokens, whose number only the device knows. Its four warps take tiles of 16 tokens, each with sums of its
// own; they merge at the end, and the last block of a KV head to end merges all (shares.cuh).
//
// The warps of all blocks of a KV head deal the tokens out: without a selection tile by tile, so that they walk the slabs
// together; with one token by token, so that each has its two or three. But selected rows in host memory are left to a
// few warps, one a block, tile by tile in ascending order, while the others attend what is nearby: such rows are bound by
// the translation of their addresses, and what keeps it fast is that few pages are in use at a time. A slab's heads share
// its pages, and so all KV heads walk through the positions together.
//
// Rows go to shared memory, 16 neighbouring lanes (8 at head size 64) a row, so that a row is one look-up of its address
// and whole lines of the bus: how, depends on where they are (decode_tiles.cuh).
//
// With a cache of rows in device memory only the misses among selected tokens are far; their rows go to the cache on the
// way, those that it has are dealt out with what is nearby. No row of the cache is written and read in one launch.
//
// Bytes: 512 a token and KV head at head size 128; 537 MB at 128K tokens and 8 KV heads: 0.18 ms at 3 TB/s. Operations
// at that size: 64 products a tile, 4.2 million, 0.03 ms of the tensor cores, and about 450 other instructions a warp
// and tile, 0.03 ms. In plain f32 it would be 1.07 G multiply-adds for groups of four, 0.04 ms, as much again for
// conversions and sums over lanes, and twice that for groups of eight.
// grid (splits, kvHeads * ceil(group / 8), rows), block 128, dynamic shared memory 256 * (2 * headDim + 16) bytes.
#include "pariskv.cuh"

constexpr int WARPS = 4;

#include "decode_tiles.cuh"

/** Merges the warps of a block, leaves its share and, if it is the last, merges all. */
template <int HEAD_DIM>
__device__ __forceinline__ void end(const WarpAttention<HEAD_DIM>& warp, char* shared, const Shares& shares) {
  constexpr int ROW = HEAD_DIM + 4;  // floats; spreads heads over the banks
  constexpr int STRIDE = STAGES * Tiles<HEAD_DIM>::BYTES / int(sizeof(float));
  static_assert(BLOCK_HEADS * ROW <= STRIDE, "a warp's sums take the place of its tiles");
  __shared__ float2 warp_weights[WARPS][BLOCK_HEADS];  // maximum and total
  float* warp_sums = reinterpret_cast<float*>(shared);  // [WARPS], each [BLOCK_HEADS][ROW], STRIDE apart
  int head = lane_id() / 4;
  if (lane_id() % 4 == 0) {
    warp_weights[warp_id()][head] = make_float2(warp.maximum, warp.total);
  }
  warp.store(warp_sums + warp_id() * STRIDE + head * ROW);
  __syncthreads();  // every warp's part is in shared memory
  for (int i = threadIdx.x; i < shares.heads * HEAD_DIM / 4; i += WARPS * WARP) {
    int dim = i % (HEAD_DIM / 4) * 4;
    head = i / (HEAD_DIM / 4);
    float maximum = -INFINITY;
    for (int w = 0; w < WARPS; w++) {
      maximum = fmaxf(maximum, warp_weights[w][head].x);
    }
    float4 sum = {};
    float total = 0;
    for (int w = 0; w < WARPS; w++) {
      float2 weight = warp_weights[w][head];
      float scale = weight.y == 0 ? 0 : exp2f(weight.x - maximum);  // 0 if it had no tile
      add_scaled(sum, scale, *reinterpret_cast<const float4*>(warp_sums + w * STRIDE + head * ROW + dim));
      total += scale * weight.y;
    }
    *reinterpret_cast<float4*>(shares.sum(head) + dim) = sum;
    if (dim == 0) {
      shares.weight(head) = make_float2(maximum, total);
    }
  }
  if (shares.last_to_arrive()) {
    shares.merge<float4>();
  }
}

template <int HEAD_DIM>
__device__ __forceinline__ void attend(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, const int* slots, const int* selection, const int* selected,
                                       int capacity, const int2* sources, const int* misses,
                                       const uint64_t* cache, int cached, int window, const float* q,
                                       float scale, int kvHeads, int group, float* sums, float2* weights, int* arrived,
                                       float* out) {
  extern __shared__ __align__(16) char shared[];
  HeadBlock heads = head_block(kvHeads, group);
  bool chosen = selected != nullptr;
  int slot = slots[blockIdx.z];  // no kernel writes slots
  int which = lane_id() / TILE;
  Tiles<HEAD_DIM> tiles;
  tiles.memory = shared + warp_id() * STAGES * Tiles<HEAD_DIM>::BYTES;
  AttendedRows<uint16_t>& attended = tiles.attended;
  attended.kv = kv_head<uint16_t>(slabs, residents, 0, slot, layer, layers, which, heads.kv_head, kvHeads, HEAD_DIM);
  if (chosen && residents != nullptr && blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0) {
    prefetch(attended.kv.slabs, 2 * MAX_SLABS * int(sizeof(uint64_t)));  // of K and V; nobody has read them in this step
  }
  await_previous();
  release_next();
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  attended.kv.ring_from = zone[2] - RING_ROWS;
  attended.tokens = attended_tokens(zone, window, selection + int64_t(heads.kv_row) * capacity,
                                    chosen ? selected + heads.kv_row : nullptr);
  attended.cache = cached_rows<uint16_t>(chosen ? sources : nullptr, misses, cache, cached, heads.kv_row,
                                       capacity, slot, layer, layers, which, heads.kv_head, kvHeads, HEAD_DIM);
  tiles.course = course<TILE, WARPS>(attended.tokens.count, chosen, residents != nullptr, attended.far());
  int shares = tiles.course.shares;
  if (int(blockIdx.x) >= shares) {  // the whole block
    return;
  }
  int head = lane_id() / 4;
  const float* own = head < heads.count ? q + (heads.first + head) * HEAD_DIM : nullptr;
  WarpAttention<HEAD_DIM> warp = tiles.course.far ? tiles.attend_far(own, scale) : tiles.attend_near(own, scale);
  warp.finish();
  end(warp, shared, Shares(heads, HEAD_DIM, shares, sums, weights, arrived, out));
}

extern "C" __global__ void __launch_bounds__(128, 2) decode_attention_128(
    const uint64_t* slabs,      // see pariskv.cuh
    const uint64_t* residents,  // [slots], or nullptr
    const int* zones,           // [slots][3]
    int layer, int layers,
    const int* slots,      // [rows]
    const int* selection,  // [rows][kvHeads][capacity], or nullptr
    const int* selected,   // [rows][kvHeads], or nullptr
    int capacity,
    const int2* sources,  // [rows][kvHeads][capacity] position in the retrieval zone, and row of the cache or -1: misses
                          // first, in ascending order; or nullptr without a cache
    const int* misses,    // [rows][kvHeads], or nullptr
    const uint64_t* cache,  // [slots][layers] addresses of [2][kvHeads][cachedRows][headDim], or nullptr
    int cachedRows,
    int window,      // tokens of a sliding window, or 0
    const float* q,  // [rows][kvHeads][group][headDim]
    float scale,     // of scores, to units of log 2
    int kvHeads, int group,
    float* sums,      // scratch, [rows][kvHeads][group][splits][headDim]
    float2* weights,  // scratch, [rows][kvHeads][group][splits]
    int* arrived,     // scratch, [rows][kvHeads * ceil(group / 8)] zeros, and zeros again at the end
    float* out) {     // [rows][kvHeads][group][headDim]
  attend<128>(slabs, residents, zones, layer, layers, slots, selection, selected, capacity, sources, misses,
              cache, cachedRows, window, q, scale, kvHeads, group, sums, weights, arrived, out);
}

/** The same for head size 64. */
extern "C" __global__ void __launch_bounds__(128, 3) decode_attention_64(
    const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, const int* slots,
    const int* selection, const int* selected, int capacity, const int2* sources, const int* misses,
    const uint64_t* cache, int cachedRows, int window, const float* q, float scale, int kvHeads, int group,
    float* sums, float2* weights, int* arrived, float* out) {
  attend<64>(slabs, residents, zones, layer, layers, slots, selection, selected, capacity, sources, misses,
             cache, cachedRows, window, q, scale, kvHeads, group, sums, weights, arrived, out);
}

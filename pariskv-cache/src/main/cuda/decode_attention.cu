// decode_attention.cu -- attention.DecodeAttention for bf16 rows of head size 64 or 128, on tensor cores.
//
// A block serves up to eight query heads of one KV head, so K and V are read once, and one of `splits` even shares of
// the attended tokens, whose number only the device knows. Its four warps take tiles of 16 tokens in turn, each with
// sums of its own, and merge at the end; decode_merge.cu then merges the shares.
//
// Every load is one of 16 bytes from the row itself, wherever it is: no shared memory, no copy of gathered rows. 16 of
// them a lane are in flight, 8 KiB a warp: the next keys are asked for before the values at hand are multiplied, the
// next values after that. Each lane finds one row of the next tile and hands its address round.
//
// Bytes: 512 a token and KV head at head size 128; 537 MB at 128K tokens and 8 KV heads: 0.18 ms at 3 TB/s. Operations
// at that size: 64 products a tile, 4.2 million, 0.03 ms of the tensor cores, and about 400 other instructions a warp
// and tile, 0.03 ms. In plain f32 it would be 1.07 G multiply-adds for groups of four, 0.04 ms, as much again for
// conversions and sums over lanes, and twice that for groups of eight.
// grid (splits, kvHeads * ceil(group / 8), rows), block 128, static shared memory only.
#include "pariskv.cuh"

constexpr int TILE = 16;
constexpr int HEADS = 8;
constexpr int WARPS = 4;

/** Where the rows of one tile are: lanes 0 to 15 know the keys', lanes 16 to 31 the values'. */
template <int HEAD_DIM>
struct Tile {
  using Warp = WarpAttention<HEAD_DIM>;

  Words keys[2][Warp::KEY_PIECES];
  Words values[4][Warp::VALUE_PIECES];

  __device__ __forceinline__ void load_keys(unsigned long long rows) {
    int lane = lane_id();
#pragma unroll
    for (int n = 0; n < 2; n++) {
      uint64_t key = __shfl_sync(FULL_WARP, rows, 8 * n + lane / 4);
#pragma unroll
      for (int i = 0; i < Warp::KEY_PIECES; i++) {
        keys[n][i].load(key, 64 * i + 16 * (lane % 4));
      }
    }
  }

  __device__ __forceinline__ void load_values(unsigned long long rows) {
    int lane = lane_id();
#pragma unroll
    for (int n = 0; n < 4; n++) {
      uint64_t value = __shfl_sync(FULL_WARP, rows, TILE + 8 * (n / 2) + 2 * (lane % 4) + n % 2);
#pragma unroll
      for (int h = 0; h < Warp::VALUE_PIECES; h++) {
        values[n][h].load(value, 128 * h + 16 * (lane / 4));
      }
    }
  }
};

/** One share of one KV head: tiles `tile`, `tile + WARPS` and so on below `end` are this warp's. */
template <int HEAD_DIM>
__device__ __forceinline__ void attend_tiles(WarpAttention<HEAD_DIM>& warp, const KvHead<uint16_t>& kv,
                                             const AttendedTokens& tokens, int tile, int end) {
  Tile<HEAD_DIM> at_hand;
  auto rows_of = [&](int of) {
    int i = min(of * TILE + lane_id() % TILE, tokens.count - 1);  // a partial tile repeats the last token
    return reinterpret_cast<unsigned long long>(kv.row(tokens.position(i)));
  };
  if (tile < end) {  // the same for all lanes, as all conditions here
    unsigned long long rows = rows_of(tile);
    at_hand.load_keys(rows);
    at_hand.load_values(rows);
  }
  for (; tile < end; tile += WARPS) {
    bool more = tile + WARPS < end;
    unsigned long long next = more ? rows_of(tile + WARPS) : 0;
    float scores[4];
    warp.score(at_hand.keys, scores);
    if (more) {
      at_hand.load_keys(next);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
      if (tile * TILE + 8 * (i / 2) + 2 * (lane_id() % 4) + i % 2 >= tokens.count) {
        scores[i] = -INFINITY;
      }
    }
    float shrink = warp.soften(scores);
    warp.add(at_hand.values, scores, shrink);
    if (more) {
      at_hand.load_values(next);
    }
  }
  warp.finish();
}

template <int HEAD_DIM>
__device__ __forceinline__ void attend(const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer,
                                       int layers, const int* slots, const int* selection, const int* selected,
                                       int capacity, int window, const float* q, float scale, int kvHeads, int group,
                                       float* sums, float2* weights) {
  constexpr int ROW = HEAD_DIM + 4;  // spreads heads over the banks
  __shared__ __align__(16) float warp_sums[WARPS][HEADS][ROW];
  __shared__ float2 warp_weights[WARPS][HEADS];  // maximum and total
  int split = blockIdx.x;
  int splits = gridDim.x;
  int head_blocks = ceil_div(group, HEADS);
  int kv_row = int(blockIdx.z) * kvHeads + int(blockIdx.y) / head_blocks;  // KV head of all rows' KV heads
  int first = int(blockIdx.y) % head_blocks * HEADS;                       // query head of the group
  int heads = min(HEADS, group - first);
  int64_t q_row = int64_t(kv_row) * group + first;

  int slot = slots[blockIdx.z];
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  AttendedTokens tokens = attended_tokens(zone, window, selection + int64_t(kv_row) * capacity,
                                          selected == nullptr ? nullptr : selected + kv_row);
  int tiles = ceil_div(tokens.count, TILE);
  int shares = min(splits, ceil_div(tiles, WARPS));  // so that none has fewer tiles than warps
  if (split >= shares) {                             // the whole block
    if (threadIdx.x < heads) {
      weights[(q_row + threadIdx.x) * splits + split] = make_float2(-INFINITY, 0);
    }
    return;
  }
  int tile = int(int64_t(tiles) * split / shares) + warp_id();
  int end = int(int64_t(tiles) * (split + 1) / shares);
  int head = lane_id() / 4;
  WarpAttention<HEAD_DIM> warp(head < heads ? q + (q_row + head) * HEAD_DIM : nullptr, scale);
  KvHead<uint16_t> kv = kv_head<uint16_t>(slabs, residents, zone[2], slot, layer, layers, lane_id() / TILE,
                                          kv_row % kvHeads, kvHeads, HEAD_DIM);
  attend_tiles(warp, kv, tokens, tile, end);

  if (lane_id() % 4 == 0) {
    warp_weights[warp_id()][head] = make_float2(warp.maximum, warp.total);
  }
  warp.store(warp_sums[warp_id()][head]);
  __syncthreads();  // every warp's part is in shared memory
  for (int i = threadIdx.x; i < heads * HEAD_DIM; i += WARPS * WARP) {
    int dim = i % HEAD_DIM;
    head = i / HEAD_DIM;
    float maximum = -INFINITY;
    for (int w = 0; w < WARPS; w++) {
      maximum = fmaxf(maximum, warp_weights[w][head].x);
    }
    float sum = 0;
    float total = 0;
    for (int w = 0; w < WARPS; w++) {
      float2 weight = warp_weights[w][head];
      float scale_of_warp = weight.y == 0 ? 0 : exp2f(weight.x - maximum);  // 0 if it had no tile
      sum += scale_of_warp * warp_sums[w][head][dim];
      total += scale_of_warp * weight.y;
    }
    int64_t at = (q_row + head) * splits + split;
    sums[at * HEAD_DIM + dim] = sum;
    if (dim == 0) {
      weights[at] = make_float2(maximum, total);
    }
  }
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
    int window,      // tokens of a sliding window, or 0
    const float* q,  // [rows][kvHeads][group][headDim]
    float scale,     // of scores, to units of log 2
    int kvHeads, int group,
    float* sums,       // out, [rows][kvHeads][group][splits][headDim], relative to the maximum; not where total is 0
    float2* weights) {  // out, [rows][kvHeads][group][splits] maximum and total
  attend<128>(slabs, residents, zones, layer, layers, slots, selection, selected, capacity, window, q, scale, kvHeads,
              group, sums, weights);
}

/** The same for head size 64. */
extern "C" __global__ void __launch_bounds__(128, 3) decode_attention_64(
    const uint64_t* slabs, const uint64_t* residents, const int* zones, int layer, int layers, const int* slots,
    const int* selection, const int* selected, int capacity, int window, const float* q, float scale, int kvHeads,
    int group, float* sums, float2* weights) {
  attend<64>(slabs, residents, zones, layer, layers, slots, selection, selected, capacity, window, q, scale, kvHeads,
             group, sums, weights);
}

// attended_rows.cuh -- which tokens decode attention attends, where their rows are, and which warp attends which. Included
// by pariskv.cuh.
#pragma once

/**
 * The positions that one KV head attends in a decode step, as one list: selected, sink, recent; or a window. Selected
 * ones come first because with offload they are far away.
 */
struct AttendedTokens {
  int sink;              // tokens of the sink
  int selected;          // tokens selected
  const int* selection;  // [selected] positions in the retrieval zone, which begins behind the sink
  int recent;            // first recent position
  int count;             // all of them

  /** Position of the i-th of them. */
  __device__ __forceinline__ int position(int i) const {
    if (i < selected) {
      return sink + selection[i];
    }
    i -= selected;
    return i < sink ? i : recent + (i - sink);
  }
};

/**
 * @param zones of the sequence, [3]
 * @param window attended tokens of a sliding window, or 0 for none
 * @param selection positions in the retrieval zone, if `selected` is given
 * @param selected how many of them, or nullptr for none
 */
__device__ __forceinline__ AttendedTokens attended_tokens(const int* zones, int window, const int* selection,
                                                          const int* selected) {
  AttendedTokens tokens;
  int length = zones[2];
  bool zoned = window == 0;
  tokens.sink = zoned ? zones[0] : 0;
  tokens.selected = zoned && selected != nullptr ? *selected : 0;
  tokens.selection = selection;
  tokens.recent = zoned ? zones[1] : max(0, length - window);
  tokens.count = tokens.sink + tokens.selected + (length - tokens.recent);
  return tokens;
}

/**
 * The cache of rows that steps had selected, of one layer and KV head, with offload. Selected tokens are then those of
 * `sources`: first the misses, which are in host memory, then those that are in the cache or in device memory anyway.
 */
template <typename T>
struct CachedRows {
  const int2* sources = nullptr;  // [selected] position in the retrieval zone, and row here or -1; nullptr without a cache
  int misses = 0;
  T* rows = nullptr;  // [rows][width], keys or values
};

/**
 * @param sources of all rows' KV heads, [capacity] each, or nullptr for no cache
 * @param misses of all rows' KV heads
 * @param table [slots][layers] addresses of [2][heads][count][width]
 */
template <typename T>
__device__ __forceinline__ CachedRows<T> cached_rows(const int2* sources, const int* misses, const uint64_t* table,
                                                     int count, int kv_row, int capacity, int slot, int layer,
                                                     int layers, int which, int head, int heads, int width) {
  CachedRows<T> cache;
  if (sources != nullptr) {
    cache.sources = sources + int64_t(kv_row) * capacity;
    cache.misses = misses[kv_row];
    cache.rows = reinterpret_cast<T*>(table[int64_t(slot) * layers + layer]) +
                 (int64_t(which) * heads + head) * count * width;
  }
  return cache;
}

/** Where the keys or values of the tokens that one KV head attends are. */
template <typename T>
struct AttendedRows {
  KvHead<T> kv;
  AttendedTokens tokens;
  CachedRows<T> cache;

  /** Of the i-th token. */
  __device__ __forceinline__ const T* row(int i) const {
    if (cache.sources == nullptr || i >= tokens.selected) {
      return kv.row(tokens.position(i));
    }
    int2 source = cache.sources[i];
    return i < cache.misses || source.y < 0 ? kv.row(tokens.sink + source.x)
                                            : cache.rows + int64_t(source.y) * kv.width;
  }

  /** Where the row of the i-th token is to be kept for later steps, or nullptr. */
  __device__ __forceinline__ T* keep(int i) const {
    if (cache.sources == nullptr || i >= cache.misses) {
      return nullptr;
    }
    int row = cache.sources[i].y;
    return row < 0 ? nullptr : cache.rows + int64_t(row) * kv.width;
  }

  /** How many of the first tokens are in host memory, with offload and a selection. */
  __device__ __forceinline__ int far() const { return cache.sources == nullptr ? tokens.selected : cache.misses; }
};

/**
 * Warps of all heads that ask for selected rows of host memory. Each has 8 KiB on its way and 14 fill the bus; few of them
 * keep few pages in use at a time, which is what a million tokens are bound by. (With asynchronous copies, which read at
 * half the speed, an H100 took 310 and 596 us with 64 for k = 2,048 of 128K and a million tokens, 326 and 761 with 1,024.)
 */
constexpr int HOST_WARPS = 64;

/** The same where these would have one tile each: latency is what such a step is bound by, and smaller parts have less. */
constexpr int HOST_WARPS_OF_FEW_ROWS = 128;

/** Tiles of nearby rows that a warp attends while others wait for the host; more blocks would take longer to merge. */
constexpr int NEAR_TILES = 2;

/** Which tokens a warp attends: tiles that begin `stride` numbers apart, of numbers `step` apart, all before `end`. */
struct Course {
  int shares;  // blocks that there is work for, at least 1
  bool far;    // whether rows are in host memory, most of them at least
  int at;      // where its first tile begins
  int step;
  int stride;
  int end;
};

/**
 * Of this warp, in a block of `WARPS` of a grid of (splits, heads, rows).
 *
 * @param count attended tokens
 * @param selection whether there is one, even if empty: few tokens then
 * @param offload whether the first `first` of those, and without a selection most tokens, are in host memory
 */
template <int TILE, int WARPS>
__device__ __forceinline__ Course course(int count, bool selection, bool offload, int first) {
  int splits = int(gridDim.x);
  int split = int(blockIdx.x);
  int warp = split * WARPS + warp_id();
  if (!selection) {
    int shares = max(1, min(splits, ceil_div(count, TILE * WARPS)));
    return {shares, offload, warp * TILE, 1, shares * WARPS * TILE, count};
  }
  if (!offload) {
    int shares = max(1, min(splits, ceil_div(count, TILE)));
    int warps = shares * WARPS;
    return {shares, false, warp_id() * shares + split, warps, warps * TILE, count};
  }
  int heads = int(gridDim.y * gridDim.z);
  int most = max(1, HOST_WARPS / heads);
  if (first <= most * TILE) {
    most = max(most, HOST_WARPS_OF_FEW_ROWS / heads);
  }
  int part = max(1, min(TILE, ceil_div(first, min(most, splits))));  // tokens that a warp asks for at a time
  int far = min(ceil_div(first, part), min(most, splits));
  int near = ceil_div(count - first, TILE);
  int shares = max(1, min(splits, max(far, ceil_div(far + ceil_div(near, NEAR_TILES), WARPS))));
  warp = warp_id() * shares + split;  // so that each block, and multiprocessor, has one that asks the host
  if (warp < far) {
    int at = warp * part;
    return {shares, true, at, 1, far * TILE, part < TILE ? min(first, at + part) : first};
  }
  return {shares, false, first + (warp - far) * TILE, 1, (shares * WARPS - far) * TILE, count};
}

// retrieval_select.cu -- last part of a fused retrieval: candidates, their estimates and the k best of them, as
// bucket_top_k.cu, rerank.cu and top_k.cu would find them one after another
//
// A block has a tile of a KV head's keys. It reads their votes, lists the candidates in shared memory (in device memory
// if there are too many), estimates them from their records, and leaves the tile's k best to the block of the head that
// comes last, which finds the k best of all. Nothing but these lists, 8 bytes an entry, passes through device memory.
// What bounds it: records of 6 * subspaces bytes from all over the zone. A lane has those of CANDIDATES candidates in
// flight, which is all that a block has at 128K keys; then about 3 microseconds of latency of the last block.
//
// grid (tiles, rows * kvHeads), block 512, dynamic shared memory: addresses of the tile's slabs, then `held` words.

constexpr int BLOCK = 512;
#include "rerank.cuh"
#include "top_k.cuh"

constexpr int VOTES = 16;      // of a 128-bit load
constexpr int OWN = 2;         // subspaces of a lane
constexpr int CANDIDATES = 8;  // of a lane

/** Bits of scores, in shared or device memory. */
struct List {
  const uint32_t* bits;

  __device__ __forceinline__ uint32_t operator()(int index) const { return bits[index]; }
};

/** What the block does; in shared memory, as registers are for records. */
struct Work {
  int count;      // candidates of the tile
  int kept;       // how many of them go to the head's list
  int kept_from;  // place of the first there
  int listed;     // entries of the whole list
  int k;          // of them to select
  int tiles;      // of the head that have keys
};

/** Lists the candidates among the `keys` keys of a tile by their positions in it; `loaded` are a thread's first votes. */
__device__ __forceinline__ void list_candidates(const uint4* votes, uint4 loaded, int keys, int threshold, int ties,
                                                int* positions, int room) {
  __shared__ uint32_t scratch[WARP];
  int above_before = 0;
  int at_before = 0;
  for (int from = 0; from < keys; from += BLOCK * VOTES) {
    int own = from + int(threadIdx.x) * VOTES;
    uint32_t words[VOTES / 4] = {loaded.x, loaded.y, loaded.z, loaded.w};
    int next = own + BLOCK * VOTES;
    if (next < keys) {
      loaded = votes[next / VOTES];
    }
    uint32_t above = 0;
    uint32_t at = 0;
#pragma unroll
    for (int i = 0; i < VOTES; i++) {
      int vote = words[i / 4] >> 8 * (i % 4) & 255;
      above |= uint32_t(own + i < keys && vote > threshold) << i;
      at |= uint32_t(own + i < keys && vote == threshold) << i;
    }
    uint32_t total;
    uint32_t before = block_scan(uint32_t(__popc(above) | __popc(at) << 16), scratch, total);  // at most 2^13 of each
    int own_at = at_before + int(before >> 16);
    int place = above_before + int(before & 0xffff) + min(own_at, ties);
    for (uint32_t chosen = above | lowest_bits(at, ties - own_at); chosen != 0; chosen &= chosen - 1) {
      if (place < room) {
        positions[place++] = own + __ffs(chosen) - 1;
      }
    }
    above_before += int(total & 0xffff);
    at_before += int(total >> 16);
  }
}

/** Starts the copy of the address of a slab to shared memory. */
__device__ __forceinline__ void copy_address(uint64_t* target, const uint64_t* source) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(shared_address(target)),
               "l"(__cvta_generic_to_global(source))
               : "memory");
}

/** Estimates the candidates of a tile; `slabs` are the addresses of its slabs. */
template <int SUBSPACES>
__device__ __forceinline__ void estimate(const uint64_t* slabs, int kv_head, const float* p, const int* positions,
                                         uint32_t* bits, int count) {
  constexpr int LANES = SUBSPACES / OWN;                   // of a candidate
  constexpr int OF_LANE = ceil_div(CANDIDATES, LANES);     // candidates that a lane writes
  constexpr int OF_WARP = WARP / LANES * CANDIDATES;       // candidates that are in flight
  __shared__ float values[16];
  fill_values(values);
  wait_for_copies();
  __syncthreads();  // addresses, positions and values are there
  int lane = threadIdx.x % LANES;
  float query[OWN * SUBSPACE_DIM];
  Part<SUBSPACES, OWN>::load_query(p, lane, query);
  for (int from = warp_id() * OF_WARP; from < count; from += BLOCK / WARP * OF_WARP) {
    int first = from + lane_id() / LANES * CANDIDATES;
    Part<SUBSPACES, OWN> parts[CANDIDATES];
#pragma unroll
    for (int i = 0; i < CANDIDATES; i++) {
      int key = positions[min(first + i, count - 1)];  // all lanes shuffle
      uint64_t record = slabs[slab_index(key)] + slab_offset(kv_head, key, 6 * SUBSPACES);
      parts[i].load(reinterpret_cast<const uint8_t*>(record), lane);
    }
    __syncwarp();  // keeps the compiler from loading some of them later
    float x[CANDIDATES][OWN];
#pragma unroll
    for (int i = 0; i < CANDIDATES; i++) {
      parts[i].products(query, values, x[i]);
    }
    add_up<LANES>(x, lane);
    int own = first + lane * CANDIDATES / LANES;
#pragma unroll
    for (int i = 0; i < OF_LANE; i++) {
      if (own + i < count) {
        bits[own + i] = ordered(x[i][0]);
      }
    }
  }
  __syncthreads();  // all are estimated
}

/** The k best of a head's list, by its last block; `shared` has room for `held` words. */
__device__ __forceinline__ void select(const int* positions, const uint32_t* bits, int count, int k, uint32_t* shared,
                                       int held, int* selected) {
  if (count <= held) {
    for_each(List{bits}, count, [&](uint32_t value, int index) { shared[index] = value; });
    __syncthreads();  // the list is in shared memory
  }
  List list{count <= held ? shared : bits};
  Threshold threshold = find_threshold(list, count, k);
  take_best(list, count, threshold, [&](int place, int index) { selected[place] = index; });
  __syncthreads();  // all indices are there
  positions_of(selected, k, positions);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    retrieval_select(const uint64_t* record_table,  // [slots][layers][MAX_SLABS]
                     const int* budgets,            // [slots][BUDGET_FIELDS]
                     const int* slots,              // [rows]
                     int layer, int layers, int kv_heads, int subspaces,
                     int tile_keys,                 // a multiple of SLAB_TOKENS
                     const float* blocks,           // [rows][kvHeads][headDim]
                     const uint8_t* votes,          // [rows][kvHeads][tiles * tile_keys]
                     const int* thresholds,         // [rows][kvHeads]
                     const int* tile_start,         // [rows][kvHeads][tiles + 1] candidates in the tiles before
                     const int* tile_ties,          // [rows][kvHeads][tiles] how many to take at the threshold
                     const int* best_start,         // [rows][kvHeads][tiles + 1] entries of the tiles before
                     int held,                      // words of shared memory, enough for `surplus` to be unused or not 0
                     int candidate_room,            // most candidates of a KV head
                     int* surplus,                  // [rows][kvHeads][2][candidate_room], or nullptr
                     int best_room,                 // most entries of a KV head
                     int* best_positions,           // [rows][kvHeads][best_room] the k best of each tile
                     uint32_t* best_bits,           // [rows][kvHeads][best_room] their scores
                     int* tickets,                  // [rows][kvHeads] zero before and after
                     int capacity,                  // of the selection
                     int* selected,                 // [rows][kvHeads][capacity]
                     int* counts) {                 // [rows][kvHeads]
  extern __shared__ uint64_t shared[];
  __shared__ Work work;
  int tile = blockIdx.x;
  int tiles = gridDim.x;
  int64_t head = blockIdx.y;
  await_previous();
  release_next();
  // What does not depend on the slot is on its way before the slot is there.
  const uint4* tile_votes = reinterpret_cast<const uint4*>(votes + (head * tiles + tile) * tile_keys);
  uint4 first_votes = int(threadIdx.x) * VOTES < tile_keys ? tile_votes[threadIdx.x] : make_uint4(0, 0, 0, 0);
  const int* starts = tile_start + head * (tiles + 1);
  const int* bests = best_start + head * (tiles + 1);
  int start = min(starts[tile], candidate_room);
  int count = min(starts[tile + 1], candidate_room) - start;
  int kept_from = min(bests[tile], best_room);
  int kept = min(min(bests[tile + 1], best_room) - kept_from, count);
  int listed = min(bests[tiles], best_room);
  int threshold = thresholds[head];
  int ties = tile_ties[head * tiles + tile];

  int slot = slots[head / kv_heads];
  int first_key = tile * tile_keys;
  int slab_count = min(tile_keys / SLAB_TOKENS, MAX_SLABS - slab_index(first_key));
  const uint64_t* slabs = index_slabs(record_table, slot, layer, layers) + slab_index(first_key);
  for (int i = threadIdx.x; i < slab_count; i += BLOCK) {
    copy_address(shared + i, slabs + i);
  }
  const int* budget = budgets + slot * BUDGET_FIELDS;
  int keys = min(budget[0], tiles * tile_keys);
  int k = keys == 0 ? 0 : min(min(budget[2], listed), capacity);
  if (k == 0 || first_key >= keys) {
    if (tile == 0 && threadIdx.x == 0) {
      counts[head] = 0;
    }
    return;
  }
  if (threadIdx.x == 0) {
    work = {count, kept, kept_from, listed, k, ceil_div(keys, tile_keys)};
  }
  uint32_t* words = reinterpret_cast<uint32_t*>(shared + tile_keys / SLAB_TOKENS);
  if (kept > 0) {
    keys = min(keys - first_key, tile_keys);  // of the tile
    bool fits = 2 * count <= held;
    int* positions = fits ? reinterpret_cast<int*>(words) : surplus + head * 2 * candidate_room + start;
    uint32_t* bits = reinterpret_cast<uint32_t*>(positions) + (fits ? count : candidate_room);
    list_candidates(tile_votes, first_votes, keys, threshold, ties, positions, count);
    int kv_head = int(head % kv_heads);
    const float* p = blocks + head * subspaces * SUBSPACE_DIM;
    switch (subspaces) {
      case 2: estimate<2>(shared, kv_head, p, positions, bits, count); break;
      case 4: estimate<4>(shared, kv_head, p, positions, bits, count); break;
      case 8: estimate<8>(shared, kv_head, p, positions, bits, count); break;
      case 16: estimate<16>(shared, kv_head, p, positions, bits, count); break;
      case 32: estimate<32>(shared, kv_head, p, positions, bits, count); break;
    }
    int64_t to = head * best_room + work.kept_from;
    List list{bits};
    Threshold best = find_threshold(list, work.count, work.kept);
    take_best(list, work.count, best, [&](int place, int index) {
      best_positions[to + place] = tile * tile_keys + positions[index];
      best_bits[to + place] = bits[index];
    });
  }
  __syncthreads();  // the work is written, even where nothing was to keep
  if (is_last_block(tickets + head, work.tiles)) {
    if (threadIdx.x == 0) {
      counts[head] = work.k;
    }
    int64_t from = head * best_room;
    select(best_positions + from, best_bits + from, work.listed, work.k, words, held, selected + head * capacity);
  }
}

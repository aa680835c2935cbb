// row_cache.cu -- with offload: which of a step's selected rows are in the cache of rows, and where the others go
//
// Decode attention, the next kernel, reads rows that are there from the cache, and leaves those that it fetches from
// host memory in the places that this kernel gives them; so a place belongs to a position from here on. kv.ClockCache is
// the policy in plain Java, and its oracle; all depends on the order of positions alone, never on which thread is first.
//
// A block has one KV head of one sequence. Places look for their owners in the selection, which ascends: eleven steps of
// a binary search in shared memory, so that nothing has to be kept a position, and nothing grows with the sequence. Rows
// that are on the GPU anyway, of the first and the last tokens, are a first and a last part of the selection and are left
// out. Then a thread has 32 places, in the order in which the hand comes to them, and sums over all threads before it say
// which of them make room. Bound by latency: some 4 * k numbers in and out, half of them beside each other.
// grid (kvHeads, rows), block 1024, dynamic shared memory 8 * capacity + 8 * ceil(cacheRows / 32) bytes.
#include "pariskv.cuh"

constexpr int THREADS = 1024;
constexpr int MOST_ROWS = 16384;  // io.pariskv.kv.RowCacheSize.MOST
constexpr uint16_t NOWHERE = 0xffff;
static_assert(MOST_ROWS / WARP < THREADS, "a thread for each word of places, and one more where the hand is");

/** What is known of the places of one KV head: [kvHeads] of each, one behind the other. Zeros: all are free. */
struct Places {
  int* owners;      // [cacheRows] position that a place belongs to + 1, or 0
  uint32_t* again;  // [words] a bit a place: used again since the hand passed it, or its row came
  int* hand;        // the place it comes to next

  __device__ __forceinline__ Places(uint64_t address, int head, int heads, int rows, int words) {
    int* all = reinterpret_cast<int*>(address);
    owners = all + head * rows;
    again = reinterpret_cast<uint32_t*>(all + heads * rows) + head * words;
    hand = all + heads * (rows + words) + head;
  }
};

/** The first of [from, to) whose value is not below `value`, or `to`; values ascend. */
__device__ __forceinline__ int lower_bound(const int* values, int from, int to, int value) {
  while (from < to) {
    int middle = (from + to) / 2;
    if (values[middle] < value) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from;
}

/**
 * Lists `missing` places that make room, first come those that the hand comes to first, and moves the hand. By all threads.
 *
 * @param used [words] bits of places that this step uses: they stay
 * @param again [words] in and out
 * @param victims out, [missing]
 */
__device__ __forceinline__ void make_room(const Places& places, int rows, int missing, const uint32_t* used,
                                          uint32_t* again, uint16_t* victims, int* scratch) {
  int words = ceil_div(rows, WARP);
  int hand = *places.hand;
  int turn = threadIdx.x;  // the word that the hand is in comes twice: from the hand on, and at last up to it
  int word = (hand / WARP + turn) % words;
  uint32_t free_once = 0;
  uint32_t free_again = 0;  // when the hand comes round
  if (turn <= words) {
    uint32_t before_hand = (1u << hand % WARP) - 1;
    uint32_t places_here = word == words - 1 && rows % WARP != 0 ? (1u << rows % WARP) - 1 : FULL_WARP;
    places_here &= ~used[word];
    places_here &= turn == 0 ? ~before_hand : turn == words ? before_hand : FULL_WARP;
    free_once = places_here & ~again[word];
    free_again = places_here & again[word];
  }
  int once;
  int before = block_scan(__popc(free_once), scratch, once);
  int all_again;
  int before_again = once + block_scan(__popc(free_again), scratch, all_again);  // all threads have read `again`
  uint32_t first = lowest_bits(free_once, missing - before);
  uint32_t second = lowest_bits(free_again, missing - before_again);
  uint32_t passed = 0;  // these have lost their second chance
  if (missing > before + __popc(free_once)) {
    passed = free_again;
  } else if (missing > before) {
    passed = free_again & ((1u << (31 - __clz(first))) - 1);
  }
  atomicAnd(&again[word], ~passed);
  uint32_t last = missing > once ? second : first;
  int reached = missing > once ? before_again + __popc(second) : before + __popc(first);
  if (last != 0 && reached == missing) {  // one thread
    *places.hand = (word * WARP + 32 - __clz(last)) % rows;
  }
  for (; first != 0; first &= first - 1) {
    victims[before++] = uint16_t(word * WARP + __ffs(first) - 1);
  }
  for (; second != 0; second &= second - 1) {
    victims[before_again++] = uint16_t(word * WARP + __ffs(second) - 1);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) row_cache(
    const int* zones,  // [slots][3], see pariskv.cuh
    int layer, int layers,
    const int* slots,        // [rows]
    const int* selection,    // [rows][kvHeads][capacity] positions in the retrieval zone, ascending
    const int* selected,     // [rows][kvHeads]
    int capacity,            // at most cacheRows
    const uint64_t* states,  // [slots][layers] addresses of what is known of places, see Places
    int cacheRows,
    unsigned long long* counts,  // [slots][2] hits and misses of all steps
    int2* sources,               // out, [rows][kvHeads][capacity] position in the retrieval zone and place: misses, which
                                 // are to be left there, hits, each ascending, and rows that the store has here, with -1
    int* misses) {               // out, [rows][kvHeads]
  extern __shared__ int shared[];
  __shared__ int scratch[WARP];
  int words = ceil_div(cacheRows, WARP);
  int* positions = shared;                                                      // [capacity]
  uint16_t* place_of = reinterpret_cast<uint16_t*>(positions + capacity);       // [capacity] of a position, or NOWHERE
  uint16_t* victims = place_of + capacity;                                      // [capacity]
  uint32_t* used = reinterpret_cast<uint32_t*>(victims + capacity);             // [words] places of hits
  uint32_t* again = used + words;                                               // [words]
  int kv_row = int(blockIdx.y * gridDim.x + blockIdx.x);
  await_previous();
  release_next();

  int slot = slots[blockIdx.y];
  int count = selected[kv_row];
  if (count == 0) {  // the whole block
    if (threadIdx.x == 0) {
      misses[kv_row] = 0;
    }
    return;
  }
  Places places(states[int64_t(slot) * layers + layer], int(blockIdx.x), int(gridDim.x), cacheRows, words);
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  int sink = zone[0];
  for (int i = threadIdx.x; i < count; i += THREADS) {
    positions[i] = selection[int64_t(kv_row) * capacity + i];
    place_of[i] = NOWHERE;
  }
  for (int i = threadIdx.x; i < words; i += THREADS) {
    again[i] = places.again[i];
  }
  __syncthreads();  // the selection is in shared memory
  int begin = lower_bound(positions, 0, count, SINK_ROWS - sink);
  int end = lower_bound(positions, begin, count, zone[2] - RING_ROWS - sink);

  for (int base = warp_id() * WARP; base < cacheRows; base += THREADS) {  // the same for all lanes
    int place = base + lane_id();
    int owner = place < cacheRows ? places.owners[place] - 1 - sink : -1;
    int at = lower_bound(positions, begin, end, owner);
    bool hit = at < end && positions[at] == owner;
    if (hit) {
      place_of[at] = uint16_t(place);
    }
    uint32_t hits = __ballot_sync(FULL_WARP, hit);
    if (lane_id() == 0) {
      used[base / WARP] = hits;
    }
  }
  __syncthreads();  // every hit has its place

  int each = ceil_div(end - begin, THREADS);
  int from = min(begin + int(threadIdx.x) * each, end);
  int to = min(from + each, end);
  int missing = 0;
  for (int i = from; i < to; i++) {
    missing += place_of[i] == NOWHERE;
  }
  int all_missing;
  int miss = block_scan(missing, scratch, all_missing);
  make_room(places, cacheRows, all_missing, used, again, victims, scratch);
  __syncthreads();  // victims are listed, second chances taken

  for (int i = threadIdx.x; i < words; i += THREADS) {
    places.again[i] = again[i] | used[i];
  }
  int2* out = sources + int64_t(kv_row) * capacity;
  for (int i = from; i < to; i++) {
    int place = place_of[i];
    if (place == NOWHERE) {
      place = victims[miss];
      places.owners[place] = sink + positions[i] + 1;
      out[miss++] = make_int2(positions[i], place);
    } else {
      out[all_missing + (i - begin - miss)] = make_int2(positions[i], place);
    }
  }
  for (int i = threadIdx.x; i < count; i += THREADS) {
    if (i < begin || i >= end) {
      out[i < begin ? end - begin + i : i] = make_int2(positions[i], -1);
    }
  }
  if (threadIdx.x == 0) {
    misses[kv_row] = all_missing;
    atomicAdd(&counts[2 * slot], (unsigned long long)(end - begin - all_missing));
    atomicAdd(&counts[2 * slot + 1], (unsigned long long)all_missing);
  }
}

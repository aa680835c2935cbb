// row_cache.cu -- with offload: which of a step's selected rows are in the cache of rows, and where the others go
//
// Decode attention, the next kernel, reads rows that are there from the cache, and leaves those that it fetches from
// host memory in the places that this kernel gives them; so a place belongs to a position from here on. kv.ClockCache is
// the policy in plain Java, and its oracle; all depends on the order of positions alone, never on which thread is first.
//
// A block has one KV head of one sequence. It hashes the owners of its places in shared memory, so that nothing grows with
// the sequence. The kernel before is the one that selects: it let this one begin after its own wait, and the step's last
// kernel that changed the places ended long before, so all of this is done while it runs. Then each selected position looks
// for its place; one scan says how many misses, and how many places that make room, there are before those of a thread;
// and places are given away, a lane for each place of a word and then for each position. Rows that are on the GPU anyway,
// of the first and the last tokens, are a first and a last part of the selection and are left out.
// Bound by latency: after the wait one load, the length of a chain, a scan, and some stores beside each other.
// grid (kvHeads, rows), block 1024, dynamic shared memory 4 * buckets + 6 * cacheRows + 2 * capacity
// + 8 * ceil(cacheRows / 32) bytes, where buckets is the largest power of two up to min(cacheRows, 4096).
#include "pariskv.cuh"

constexpr int THREADS = 1024;
constexpr int WARPS = THREADS / WARP;
constexpr int MOST_ROWS = 16384;  // io.pariskv.kv.RowCacheSize.MOST
constexpr int MOST_BUCKETS = 4096;
constexpr uint16_t NOWHERE = 0xffff;
constexpr uint16_t HERE = 0xfffe;  // the place of a row that is on the GPU anyway
static_assert(MOST_ROWS / WARP < WARPS * WARP, "a lane for each word of places, and one more where the hand is");

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

#include "place_table.cuh"

/** Numbers that one scan adds up together, each below 2^16. */
struct Counts {
  unsigned long long packed;

  __device__ __forceinline__ int misses() const { return int(packed & 0xffff); }
  __device__ __forceinline__ int once() const { return int(packed >> 16 & 0xffff); }   // places free when the hand comes
  __device__ __forceinline__ int again() const { return int(packed >> 32 & 0xffff); }  // when it comes round
  __device__ __forceinline__ int begin() const { return int(packed >> 48); }           // first rows, here anyway

  static __device__ __forceinline__ unsigned long long pack(int misses, int once, int again, int begin) {
    return misses | (unsigned long long)(once) << 16 | (unsigned long long)(again) << 32 |
           (unsigned long long)(begin) << 48;
  }
};

/** Some of the places that are free to make room: 32 neighbours, or those before or behind the hand where it is. */
struct FreePlaces {
  int word = 0;
  uint32_t once = 0;   // when the hand comes
  uint32_t again = 0;  // when it comes round

  /** @param turn how many words before, from 0 to `words`: the one that the hand is in comes twice */
  __device__ __forceinline__ FreePlaces(int turn, int hand, int rows, int words, const uint32_t* used,
                                        const uint32_t* second_chances) {
    if (turn > words) {
      return;
    }
    word = hand / WARP + turn;
    word -= word < words ? 0 : words;
    uint32_t before_hand = (1u << hand % WARP) - 1;
    uint32_t here = word == words - 1 && rows % WARP != 0 ? (1u << rows % WARP) - 1 : FULL_WARP;
    here &= turn == 0 ? ~before_hand : turn == words ? before_hand : FULL_WARP;
    here &= ~used[word];
    once = here & ~second_chances[word];
    again = here & second_chances[word];
  }
};

extern "C" __global__ void __launch_bounds__(THREADS, 2) row_cache(
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
  __shared__ unsigned long long scratch[WARP];
  int words = ceil_div(cacheRows, WARP);
  PlaceTable table;
  table.buckets = PlaceTable::bucket_count(cacheRows);
  table.first = shared;
  table.owners = table.first + table.buckets;
  uint32_t* used = reinterpret_cast<uint32_t*>(table.owners + cacheRows);  // [words] places of hits
  uint32_t* again = used + words;                                         // [words]
  table.next = reinterpret_cast<uint16_t*>(again + words);
  uint16_t* place_of = table.next + cacheRows;  // [capacity] of a selected row
  uint16_t* victims = table.next;               // [misses], when all are found
  int kv_row = int(blockIdx.y * gridDim.x + blockIdx.x);
  int slot = slots[blockIdx.y];
  Places places(states[int64_t(slot) * layers + layer], int(blockIdx.x), int(gridDim.x), cacheRows, words);
  int hand = __ldcg(places.hand);
  for (int i = threadIdx.x; i < words; i += THREADS) {
    again[i] = __ldcg(places.again + i);
    used[i] = 0;
  }
  table.fill(places.owners, cacheRows);
  __syncthreads();  // the table is filled
  await_previous();
  release_next();

  int rounds = ceil_div(capacity, THREADS);  // a warp has so many times 32 neighbouring positions
  int from = warp_id() * rounds * WARP;
  const int* chosen = selection + int64_t(kv_row) * capacity;
  int position = from + lane_id() < capacity ? chosen[from + lane_id()] : 0;  // whether it is one or not
  int count = selected[kv_row];
  int to = min(from + rounds * WARP, count);
  const int* zone = zones + int64_t(slot) * ZONE_FIELDS;
  int sink = zone[0];
  int ring = zone[2] - RING_ROWS;
  int missing = 0;
  int early = 0;
  for (int base = from; base < to; base += WARP) {
    int i = base + lane_id();
    int following = i + WARP < to ? chosen[i + WARP] : 0;
    int absolute = sink + position;
    bool any = i < to;
    int place = HERE;
    if (any && absolute >= SINK_ROWS && absolute < ring) {
      place = table.find(absolute + 1);
      if (place != NOWHERE) {
        atomicOr(&used[place / WARP], 1u << place % WARP);
      }
    }
    if (any) {
      place_of[i] = uint16_t(place);
    }
    missing += __popc(__ballot_sync(FULL_WARP, place == NOWHERE));
    early += __popc(__ballot_sync(FULL_WARP, any && absolute < SINK_ROWS));
    position = following;
  }
  __syncthreads();  // every hit has its place

  int turns = ceil_div(words + 1, WARPS);  // of a warp, at most one a lane
  int turn = lane_id() < turns ? warp_id() * turns + lane_id() : words + 1;
  FreePlaces free(turn, hand, cacheRows, words, used, again);
  bool first = lane_id() == 0;
  Counts all;
  Counts before = {block_scan(Counts::pack(first ? missing : 0, __popc(free.once), __popc(free.again), first ? early : 0),
                              scratch, all.packed)};  // and all threads have read `again`
  missing = all.misses();
  uint32_t lower = (1u << lane_id()) - 1;
  for (int t = 0; t < turns; t++) {
    uint32_t once = __shfl_sync(FULL_WARP, free.once, t);
    uint32_t later = __shfl_sync(FULL_WARP, free.again, t);
    int word = __shfl_sync(FULL_WARP, free.word, t);
    int rank = __shfl_sync(FULL_WARP, before.once(), t) + __popc(once & lower);
    int later_rank = all.once() + __shfl_sync(FULL_WARP, before.again(), t) + __popc(later & lower);
    bool passed = (later >> lane_id() & 1) != 0 && rank < missing;  // the hand goes on: it has lost its second chance
    uint32_t lost = __ballot_sync(FULL_WARP, passed);
    if (first && lost != 0) {
      atomicAnd(&again[word], ~lost);
    }
    if (passed) {
      rank = later_rank;
    }
    if (((once | later) >> lane_id() & 1) != 0 && rank < missing) {
      int place = word * WARP + lane_id();
      victims[rank] = uint16_t(place);
      if (rank == missing - 1) {
        *places.hand = place + 1 == cacheRows ? 0 : place + 1;
      }
    }
  }
  __syncthreads();  // victims are listed, second chances taken

  for (int i = threadIdx.x; i < words; i += THREADS) {
    places.again[i] = again[i] | used[i];
  }
  int begin = all.begin();
  int far = cacheRows - all.once() - all.again() + missing;  // places that are not free are those of hits
  int2* out = sources + int64_t(kv_row) * capacity;
  int miss = __shfl_sync(FULL_WARP, before.misses(), 0);
  for (int base = from; base < to; base += WARP) {
    int i = base + lane_id();
    int place = i < to ? place_of[i] : HERE;
    uint32_t missed = __ballot_sync(FULL_WARP, place == NOWHERE);
    int rank = miss + __popc(missed & lower);
    miss += __popc(missed);
    if (i >= to) {
      continue;
    }
    int relative = chosen[i];
    if (place == NOWHERE) {
      place = victims[rank];
      places.owners[place] = sink + relative + 1;
      out[rank] = make_int2(relative, place);
    } else if (place == HERE) {
      out[i < begin ? far + i : i] = make_int2(relative, -1);
    } else {
      out[missing + (i - begin - rank)] = make_int2(relative, place);
    }
  }
  if (threadIdx.x == 0) {
    misses[kv_row] = missing;
    atomicAdd(&counts[2 * slot], (unsigned long long)(far - missing));
    atomicAdd(&counts[2 * slot + 1], (unsigned long long)missing);
  }
}

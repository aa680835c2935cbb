// collision_vote.cuh -- what collision_vote.cu, retrieval_vote.cu and retrieval_score_vote.cu share. Without a guard: each
// needs it in its namespace, and before it a constant BLOCK, its threads.
//
// Votes are bound by reading the ids, `subspaces` bytes a key, if the look-ups keep out of each other's way: with one
// plain table, 32 lanes with random ids meet in the same bank of shared memory about three deep. So every lane has a
// copy of what it looks up in a bank of its own:
//
//   table [256 centroids][2][WARP lanes] of 4 bytes, the tiers (or scores) of 4 neighbouring subspaces: 64 KiB
//
// A lane sees 8 subspaces of a key at most; with more, 2 or 4 neighbouring lanes share a key and add their sums by
// shuffles. A row of the table has 256 bytes, so that one byte permutation makes an address of an id and a lane: a
// look-up costs that, one conflict-free load and half an addition.
//
// A warp takes tiles of IN_FLIGHT loads a lane, all issued before the first is used; a tile lies in one slab.

constexpr int IN_FLIGHT = 4;  // keys of a lane; their sums share one 32-bit word

/** How the ids of a key are split over lanes. */
template <int SUBSPACES>
struct Split {
  static constexpr int PER_LANE = SUBSPACES < 8 ? SUBSPACES : 8;
  static constexpr int LANES = SUBSPACES / PER_LANE;      // neighbouring lanes that share a key
  static constexpr int WORDS = (PER_LANE + 3) / 4;        // 32-bit words of a lane's ids
  static constexpr int PER_WORD = PER_LANE / WORDS;       // subspaces of one word
  static constexpr int KEYS = WARP / LANES;               // keys that a warp loads at once
  static constexpr int WARP_TILE = IN_FLIGHT * KEYS;      // divides SLAB_TOKENS
  static constexpr int BLOCK_TILE = BLOCK / WARP * WARP_TILE;

  /** Where the lane's ids are of its first key of the warp's tile that begins with `key`; then every KEYS-th. */
  static __device__ __forceinline__ const uint8_t* first_ids(const uint64_t* slabs, int head, int key) {
    const uint8_t* slab = reinterpret_cast<const uint8_t*>(__ldg(slabs + slab_index(key)));
    return slab + slab_offset(head, key + lane_id() / LANES, SUBSPACES) + lane_id() % LANES * PER_LANE;
  }
};

/**
 * Fills the table with `value(subspace, id)`, bytes, by 16 of them, which a row of it repeats: the values of 4 lanes.
 * Neighbouring threads, which have the parts of a row, exchange them; eight of them write into 32 banks at a time.
 */
template <int SUBSPACES, typename Value>
__device__ __forceinline__ void fill_table_by(Value value, uint32_t* table) {
  using S = Split<SUBSPACES>;
  constexpr int QUADS_OF_ROW = WARP / 4;
  constexpr int ENTRIES = CENTROIDS * S::LANES * S::WORDS;
  constexpr int OF_THREAD = ceil_div(ENTRIES, BLOCK);
  auto part = [](uint32_t entry) { return entry % S::LANES; };
  auto id = [](uint32_t entry) { return entry / S::LANES % CENTROIDS; };
  auto word = [](uint32_t entry) { return entry / (S::LANES * CENTROIDS); };
  auto exists = [](uint32_t entry) { return ENTRIES % BLOCK == 0 || entry < ENTRIES; };  // the same for a whole warp
  uint32_t packed[OF_THREAD] = {};
#pragma unroll
  for (int e = 0; e < OF_THREAD; e++) {  // all loads before the first exchange
    uint32_t entry = e * BLOCK + threadIdx.x;
    uint32_t subspace = part(entry) * S::PER_LANE + word(entry) * S::PER_WORD;
#pragma unroll
    for (int j = 0; j < S::PER_WORD; j++) {
      packed[e] |= exists(entry) ? uint32_t(value(subspace + j, id(entry))) << 8 * j : 0;
    }
  }
#pragma unroll
  for (int e = 0; e < OF_THREAD; e++) {
    uint32_t entry = e * BLOCK + threadIdx.x;
    uint32_t lanes[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      lanes[i] = __shfl_sync(FULL_WARP, packed[e], lane_id() / S::LANES * S::LANES + i % S::LANES);
    }
    uint32_t* row = table + (id(entry) * 2 + word(entry)) * WARP;
#pragma unroll
    for (int turn = 0; turn < QUADS_OF_ROW / S::LANES; turn++) {
      uint32_t quad = (turn * S::LANES + entry) % QUADS_OF_ROW;
      if (exists(entry)) {
        store128(row + 4 * quad, make_uint4(lanes[0], lanes[1], lanes[2], lanes[3]));
      }
    }
  }
}

/** Fills it with tiers, [subspaces][256]. */
template <int SUBSPACES>
__device__ void fill_table(const uint8_t* tiers, uint32_t* table) {
  fill_table_by<SUBSPACES>([=](uint32_t subspace, uint32_t id) { return tiers[subspace * CENTROIDS + id]; }, table);
}

/** Ids that a lane sees of one key, read once. */
template <int SUBSPACES>
__device__ __forceinline__ void load_ids(const uint8_t* from, uint32_t (&ids)[Split<SUBSPACES>::WORDS]) {
  if constexpr (Split<SUBSPACES>::PER_LANE == 8) {
    uint2 both = __ldcs(reinterpret_cast<const uint2*>(from));
    ids[0] = both.x;
    ids[1] = both.y;
  } else if constexpr (Split<SUBSPACES>::PER_LANE == 4) {
    ids[0] = __ldcs(reinterpret_cast<const uint32_t*>(from));
  } else {
    ids[0] = __ldcs(reinterpret_cast<const uint16_t*>(from));
  }
}

/** The sum of what those ids stand for: byte 1 of an address is the id, byte 0 the lane's word. */
template <int SUBSPACES>
__device__ __forceinline__ uint32_t look_up(const uint8_t* table, const uint32_t (&ids)[Split<SUBSPACES>::WORDS]) {
  uint32_t lane_word = 4 * lane_id();
  uint32_t sum = 0;
#pragma unroll
  for (int word = 0; word < Split<SUBSPACES>::WORDS; word++) {
#pragma unroll
    for (int j = 0; j < Split<SUBSPACES>::PER_WORD; j++) {
      sum += table[__byte_perm(ids[word], lane_word, 0x5504 | j << 4) + 4 * WARP * word + j];
    }
  }
  return sum;
}

/** The votes of the lane's keys from its part of their sums: all lanes of a key get byte i for the i-th. */
template <int SUBSPACES>
__device__ __forceinline__ uint32_t add_parts(uint32_t sums) {
#pragma unroll
  for (int distance = 1; distance < Split<SUBSPACES>::LANES; distance *= 2) {
    sums += __shfl_xor_sync(FULL_WARP, sums, distance);  // at most 6 * 32 a byte: none overflows
  }
  return sums;
}

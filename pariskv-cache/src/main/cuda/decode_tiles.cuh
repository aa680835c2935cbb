// decode_tiles.cuh -- part of decode_attention.cu: the tiles of 16 tokens that one warp attends, and how their rows come.
//
// Nearby rows come by asynchronous copies: a warp has one tile at hand and one on its way, both in shared memory. Rows of
// host memory come by plain loads into registers, 16 a lane at head size 128, which are put into shared memory when all
// are there; the next tile is asked for before the one at hand is attended. On an H100 asynchronous copies read host
// memory at 24 GB/s, plain loads at 50, which is the bus (PCIe gen5 x16: 55, after 2 us, so 110 KB on their way fill it):
// a warp has 8 KiB on its way, and 14 warps would do.
constexpr int TILE = 16;
constexpr int STAGES = 2;

/** What is loaded for a token that there is not: zeros, in device memory. */
__device__ const uint4 NO_ROW[16] = {};

/** The tiles of one warp. */
template <int HEAD_DIM>
struct Tiles {
  using Warp = WarpAttention<HEAD_DIM>;
  using Query = WarpQuery<HEAD_DIM>;
  static constexpr int ROW = 2 * HEAD_DIM + 16;    // bytes; 16 more than a row has, which spreads rows over the banks
  static constexpr int BYTES = 2 * TILE * ROW;     // keys, then values
  static constexpr int LANES = HEAD_DIM / 8;       // that bring a row
  static constexpr int TURNS = LANES;              // in which a warp brings 2 * TILE rows, as many as it has lanes
  static_assert(2 * TILE == WARP, "a lane looks up a row");
  static_assert(Query::BYTES <= BYTES, "a query takes the place of a tile");

  AttendedRows<uint16_t> attended;  // keys in lanes 0 to 15, values in the others
  Course course;
  char* memory;  // [STAGES][BYTES]

  /** Where a lane's row of a tile is, and which of the tile's rows there are. */
  struct Rows {
    unsigned long long row;
    unsigned valid;  // bit j of row j, and bit 16 + j
  };

  /** Of the tile that begins at number `at`, which may lie beyond the last token; there must be one. */
  __device__ __forceinline__ Rows look_up(int at) const {
    int i = at + lane_id() % TILE * course.step;
    Rows rows;
    const void* row = attended.row(min(i, course.end - 1));
    rows.row = reinterpret_cast<unsigned long long>(i < course.end ? row : NO_ROW);
    rows.valid = __ballot_sync(FULL_WARP, i < course.end);
    return rows;
  }

  /**
   * Row of which this lane brings bytes 16 * (lane % LANES) in a turn. A token's key and value are brought by one
   * instruction: where they are neighbours, as in host memory, that is one address to translate and not two.
   */
  static __device__ __forceinline__ int row_of(int turn) {
    return lane_id() / TILE * TILE + lane_id() % TILE / LANES + turn * (TILE / LANES);
  }

  /** Where it brings them from. */
  static __device__ __forceinline__ const char* source(const Rows& rows, int turn) {
    return reinterpret_cast<const char*>(__shfl_sync(FULL_WARP, rows.row, row_of(turn))) + lane_id() % LANES * 16;
  }

  /** Asks for a tile by asynchronous copies; rows that there are not become zeros. */
  __device__ __forceinline__ void copy(const Rows& rows, int stage) const {
    uint32_t to = shared_address(memory + stage * BYTES + row_of(0) * ROW + lane_id() % LANES * 16);
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
      copy_async(to + turn * (TILE / LANES) * ROW, source(rows, turn), rows.valid >> row_of(turn) & 1);
    }
  }

  /** Asks for a tile by plain loads, without a condition: nvcc would wait for each load to choose what it gives. */
  static __device__ __forceinline__ void load(const Rows& rows, uint4 (&tile)[TURNS]) {
    const char* from[TURNS];  // all before the first load, or nvcc waits for loads between shuffles
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
      from[turn] = source(rows, turn);
    }
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
      tile[turn] = load128_once(from[turn]);
    }
  }

  /** Puts what was loaded into the first stage. */
  __device__ __forceinline__ void put(const uint4 (&tile)[TURNS]) const {
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
      store128(memory + row_of(turn) * ROW + lane_id() % LANES * 16, tile[turn]);
    }
  }

  /** Keeps the rows of the tile in the first stage, which begins at number `at`, where a cache has place for them. */
  __device__ __forceinline__ void keep(int at) const {
    if (attended.cache.sources == nullptr) {
      return;
    }
    int i = at + lane_id() % TILE;  // the step is 1 where rows are far
    auto place = reinterpret_cast<unsigned long long>(i < course.end ? attended.keep(i) : nullptr);
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
      uint64_t to = __shfl_sync(FULL_WARP, place, row_of(turn));
      if (to != 0) {
        const char* from = memory + row_of(turn) * ROW + lane_id() % LANES * 16;
        store128(reinterpret_cast<char*>(to) + lane_id() % LANES * 16, *reinterpret_cast<const uint4*>(from));
      }
    }
  }

  /** Attends a tile that is there. */
  __device__ __forceinline__ void attend(const Query& query, Warp& warp, int stage, unsigned valid) const {
    const char* tile = memory + stage * BYTES;
    int group = lane_id() / 4;
    int quarter = lane_id() % 4;
    Words keys[2][Warp::KEY_PIECES];
#pragma unroll
    for (int n = 0; n < 2; n++) {
#pragma unroll
      for (int i = 0; i < Warp::KEY_PIECES; i++) {
        keys[n][i].load(tile + (8 * n + group) * ROW + 64 * i + 16 * quarter);
      }
    }
    float scores[4];
    warp.score(query, keys, scores);
    Words values[4][Warp::VALUE_PIECES];
#pragma unroll
    for (int n = 0; n < 4; n++) {
      int token = 8 * (n / 2) + 2 * quarter + n % 2;
#pragma unroll
      for (int h = 0; h < Warp::VALUE_PIECES; h++) {
        values[n][h].load(tile + (TILE + token) * ROW + 128 * h + 16 * group);
      }
      if ((valid >> token & 1) == 0) {
        scores[n] = -INFINITY;
      }
    }
    float shrink = warp.soften(scores);
    warp.add(values, scores, shrink);
  }

  /**
   * Attends all tiles, of nearby rows; there may be none.
   *
   * @param q of this lane's head, or nullptr if there is none
   */
  __device__ __forceinline__ Warp attend_near(const float* q, float scale) const {
    bool any = course.at < course.end;  // the same for all lanes, as all conditions here
    Rows rows = {};
    if (any) {
      rows = look_up(course.at);
      copy(rows, 0);
    }
    commit_copies();
    Query query(q, scale);
    Warp warp;
    if (!any) {
      return warp;
    }
    int stride = course.stride;
    Rows next = look_up(course.at + stride);
    int stage = 0;
    for (int at = course.at; at < course.end; at += stride, stage ^= 1) {
      if (at + stride < course.end) {
        copy(next, stage ^ 1);
      }
      commit_copies();
      Rows after = look_up(at + 2 * stride);
      wait_for_earlier_copies();
      __syncwarp();  // the rows that all lanes brought are in shared memory
      attend(query, warp, stage, rows.valid);
      __syncwarp();  // all lanes have read them: the next may come
      rows = next;
      next = after;
    }
    return warp;
  }

  /** The same of rows in host memory. */
  __device__ __forceinline__ Warp attend_far(const float* q, float scale) const {
    bool any = course.at < course.end;
    Rows rows = {};
    uint4 tile[TURNS];
    if (any) {
      rows = look_up(course.at);
      load(rows, tile);
    }
    char* saved = memory + BYTES;  // the second stage, so that registers are free for the tile on its way
    Query(q, scale).save(saved);
    Warp warp;
    if (!any) {
      return warp;
    }
    int stride = course.stride;
    Rows next = look_up(course.at + stride);
    for (int at = course.at; at < course.end; at += stride) {
      put(tile);
      __syncwarp();  // the rows that all lanes brought are in shared memory
      if (at + stride < course.end) {
        load(next, tile);
      }
      Rows after = look_up(at + 2 * stride);
      Query query;
      query.load(saved);
      attend(query, warp, 0, rows.valid);
      keep(at);
      __syncwarp();  // all lanes have read them: the next may come
      rows = next;
      next = after;
    }
    return warp;
  }
};

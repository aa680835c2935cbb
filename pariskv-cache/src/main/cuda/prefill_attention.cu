// prefill_attention.cu -- stage 6: exact causal attention of a chunk of a prompt over bf16 K and V, on tensor cores
//
// Online softmax in base 2 over tiles of 64 keys (Dao 2023, FlashAttention-2). The query heads of a KV head are packed
// into rows, so they share every tile: row r is head r % group of token r / group. A block has four warps of
// 16 * M_TILES rows each. Scores stay in registers, where the result of one product has the layout of the next one's
// left factor. While a tile of K is multiplied the tile of V is on its way into shared memory, and the next tile of K
// while V is. Rows in shared memory are 16 bytes longer than a head: eight of them, which is what ldmatrix reads at a
// time, then lie in different banks.
//
// Bound by the tensor cores, 4 * headDim operations a pair of row and key. K and V come from L2: the blocks that run
// at a time are those of few KV heads. The longest rows are in the first blocks, so that the last end together.
// grid (ceil(rows * group / ROWS), kvHeads), block 128, dynamic shared memory (ROWS + 2 * KEYS) * (headDim + 8) * 2,
// where ROWS is 64 for a head size of 256, else 128.
#include "pariskv.cuh"

constexpr int KEYS = 64;  // of a tile; it never crosses a slab
constexpr int WARPS = 4;
constexpr int THREADS = WARPS * WARP;
constexpr int NO_WINDOW = 1 << 30;

template <int D, int M_TILES>
struct Block {
  static constexpr int ROWS = WARPS * 16 * M_TILES;
  static constexpr int STRIDE = D + 8;             // of rows in shared memory, in numbers of 16 bits
  static constexpr int THREAD_ROWS = 2 * M_TILES;  // rows that a thread has numbers of
  using Scores = WarpMatrix<M_TILES, KEYS / 8>;

  uint16_t* queries;                // [ROWS][STRIDE] in shared memory
  WarpMatrix<M_TILES, D / 8> sums;  // of weighted values
  float top[THREAD_ROWS];           // largest score so far
  float weight[THREAD_ROWS];        // this thread's part of the sum of weights

  /** Of a row its position (x) and its place in [rows][heads] (y), -1 behind the end. Lies behind the row's query. */
  __device__ __forceinline__ int2& place(int row) { return *reinterpret_cast<int2*>(queries + row * STRIDE + D); }

  /** The same of a thread's i-th row. */
  __device__ __forceinline__ int2 own_place(int i) { return place(warp_id() * 16 * M_TILES + matrix_row(i)); }

  /** Finds the rows, and rounds their queries times scale to bf16; zeros behind the end. */
  __device__ __forceinline__ void load_queries(const float* q, int row0, int start, int rows, int group, float scale) {
    for (int i = threadIdx.x; i < ROWS; i += THREADS) {
      int token = (row0 + i) / group;
      int head = blockIdx.y * group + (row0 + i) % group;
      place(i) = token < rows ? make_int2(start + token, token * int(gridDim.y) * group + head)
                              : make_int2(start + rows - 1, -1);
    }
    __syncthreads();  // places are known
    for (int i = threadIdx.x; i < ROWS * (D / 4); i += THREADS) {
      int row = i / (D / 4);
      int column = i % (D / 4) * 4;
      int64_t index = place(row).y;
      float4 x = index < 0 ? make_float4(0, 0, 0, 0) : *reinterpret_cast<const float4*>(q + index * D + column);
      *reinterpret_cast<uint2*>(queries + row * STRIDE + column) =
          make_uint2(round_pair(x.x * scale, x.y * scale), round_pair(x.z * scale, x.w * scale));
    }
  }

  /** Starts copies of KEYS rows from position `token` on, with zeros from position `limit` on. */
  static __device__ __forceinline__ void load_tile(uint32_t tile, uint64_t slab, int token, int limit) {
    const uint16_t* rows = reinterpret_cast<const uint16_t*>(slab) + slab_offset(blockIdx.y, token, KV_ROWS * D);
#pragma unroll
    for (int i = threadIdx.x; i < KEYS * (D / 8); i += THREADS) {
      int row = i / (D / 8);
      int column = i % (D / 8) * 8;
      copy_async(tile + (row * STRIDE + column) * 2, rows + row * KV_ROWS * D + column, token + row < limit);
    }
  }

  __device__ __forceinline__ void begin() {
#pragma unroll
    for (int i = 0; i < THREAD_ROWS; i++) {
      top[i] = -INFINITY;
      weight[i] = 0;
#pragma unroll
      for (int j = 0; j < D / 4; j++) {
        number(sums, i, j) = 0;
      }
    }
  }

  __device__ __forceinline__ void end(float* out) {
#pragma unroll
    for (int i = 0; i < THREAD_ROWS; i++) {
      float total = weight[i] + __shfl_xor_sync(FULL_WARP, weight[i], 1);
      total += __shfl_xor_sync(FULL_WARP, total, 2);
      int64_t index = own_place(i).y;
      if (index >= 0) {
        float scale = 1 / total;
#pragma unroll
        for (int j = 0; j < D / 4; j += 2) {
          *reinterpret_cast<float2*>(out + index * D + matrix_column(j)) =
              make_float2(number(sums, i, j) * scale, number(sums, i, j + 1) * scale);
        }
      }
    }
  }

  /** Keys behind a row's own and before its window get scores of minus infinity, which no product changes. */
  __device__ __forceinline__ void mask(Scores& s, int token, int window) {
#pragma unroll
    for (int i = 0; i < THREAD_ROWS; i++) {
      int own = own_place(i).x - token - lane_id() % 4 * 2;  // relative to this thread's first key
#pragma unroll
      for (int j = 0; j < KEYS / 4; j++) {
        int key = j / 2 * 8 + j % 2;
        number(s, i, j) = key > own || key <= own - window ? -INFINITY : 0;
      }
    }
  }

  /** Scores become weights relative to the largest score so far; what was summed before is scaled to that. */
  __device__ __forceinline__ void soften(Scores& s) {
#pragma unroll
    for (int i = 0; i < THREAD_ROWS; i++) {
      float largest = top[i];
#pragma unroll
      for (int j = 0; j < KEYS / 4; j++) {
        largest = fmaxf(largest, number(s, i, j));
      }
      largest = fmaxf(largest, __shfl_xor_sync(FULL_WARP, largest, 1));
      largest = fmaxf(largest, __shfl_xor_sync(FULL_WARP, largest, 2));
      float base = largest == -INFINITY ? 0 : largest;  // no key of the row so far: weights are 0, not NaN
      float rescale = exp2_fast(top[i] - base);
      top[i] = largest;
      float total = 0;
#pragma unroll
      for (int j = 0; j < KEYS / 4; j++) {
        float& x = number(s, i, j);
        x = exp2_fast(x - base);
        total += x;
      }
      weight[i] = weight[i] * rescale + total;
#pragma unroll
      for (int j = 0; j < D / 4; j++) {
        number(sums, i, j) *= rescale;
      }
    }
  }

  /** All of it; parameters as of the kernels. */
  __device__ __forceinline__ void attend(const float* q, float* out, const uint64_t* keys, const uint64_t* values,
                                         int first_slab, int start, int rows, int group, int window, float scale) {
    extern __shared__ uint4 shared[];
    queries = reinterpret_cast<uint16_t*>(shared);
    const uint32_t key_tile = shared_address(queries + ROWS * STRIDE);  // [KEYS][STRIDE]
    const uint32_t value_tile = key_tile + KEYS * STRIDE * 2;           // [KEYS][STRIDE]
    const uint32_t warp_queries = shared_address(queries + warp_id() * 16 * M_TILES * STRIDE);
    window = window == 0 ? NO_WINDOW : window;
    const int row0 = int(gridDim.x - 1 - blockIdx.x) * ROWS;
    const int limit = start + rows;  // rows of slabs from here on may hold anything
    const int first_position = start + row0 / group;
    const int last_position = min(start + (row0 + ROWS - 1) / group, limit - 1);
    const int from = max(0, first_position - window + 1) / KEYS * KEYS;
    const int to = last_position + 1;
    if (from < to) {  // always; asked, nvcc 13.0 keeps nine more numbers in registers
      load_tile(key_tile, keys[slab_index(from) - first_slab], from, limit);
    }
    load_queries(q, row0, start, rows, group, scale);
    begin();
    for (int token = from; token < to; token += KEYS) {
      wait_for_copies();
      __syncthreads();  // keys (and queries) are there, and all warps have done with the values before
      load_tile(value_tile, values[slab_index(token) - first_slab], token, limit);
      Scores s = {};
      if (token + KEYS - 1 > first_position || token <= last_position - window) {
        mask(s, token, window);
      }
      multiply_transposed<D>(s, warp_queries, key_tile, STRIDE);
      wait_for_copies();
      __syncthreads();  // values are there, and all warps have done with the keys
      if (token + KEYS < to) {
        load_tile(key_tile, keys[slab_index(token + KEYS) - first_slab], token + KEYS, limit);
      }
      soften(s);
      multiply_rounded(sums, s, value_tile, STRIDE);
    }
    end(out);
  }
};

extern "C" __global__ void __launch_bounds__(THREADS, 2) prefill_attention_16(
    const float* q,          // [rows][heads][headDim]
    float* out,              // [rows][heads][headDim]
    const uint64_t* keys,    // [slabs] see pariskv.cuh, bf16
    const uint64_t* values,  // the same
    int first_slab,          // of the sequence: rows of earlier ones are in nobody's window
    int start, int rows, int group, int window, float scale) {
  Block<16, 2>().attend(q, out, keys, values, first_slab, start, rows, group, window, scale);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2) prefill_attention_32(
    const float* q, float* out, const uint64_t* keys, const uint64_t* values, int first_slab, int start, int rows,
    int group, int window, float scale) {
  Block<32, 2>().attend(q, out, keys, values, first_slab, start, rows, group, window, scale);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2) prefill_attention_64(
    const float* q, float* out, const uint64_t* keys, const uint64_t* values, int first_slab, int start, int rows,
    int group, int window, float scale) {
  Block<64, 2>().attend(q, out, keys, values, first_slab, start, rows, group, window, scale);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2) prefill_attention_128(
    const float* q, float* out, const uint64_t* keys, const uint64_t* values, int first_slab, int start, int rows,
    int group, int window, float scale) {
  Block<128, 2>().attend(q, out, keys, values, first_slab, start, rows, group, window, scale);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2) prefill_attention_256(
    const float* q, float* out, const uint64_t* keys, const uint64_t* values, int first_slab, int start, int rows,
    int group, int window, float scale) {
  Block<256, 1>().attend(q, out, keys, values, first_slab, start, rows, group, window, scale);
}

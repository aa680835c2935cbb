// place_table.cuh -- part of row_cache.cu: places of a KV head by the positions that they belong to, hashed
constexpr int LOADS = 4;  // owners that a thread has on their way

/** Places by their owners, in shared memory. */
struct PlaceTable {
  int* first;      // [buckets] a place whose owner falls there, or NOWHERE
  int* owners;     // [rows] as in Places
  uint16_t* next;  // [rows] another place of the bucket, or NOWHERE
  int buckets;     // a power of two

  static __device__ __forceinline__ int bucket_count(int rows) { return min(1 << (31 - __clz(rows)), MOST_BUCKETS); }

  __device__ __forceinline__ int* bucket(int owner) const {
    return first + (uint32_t(owner) * 0x9e3779b1u >> 16 & (buckets - 1));
  }

  /** Fills it, by all threads; which of a bucket's places comes first is left to chance, but not what is found. */
  __device__ __forceinline__ void fill(const int* from, int rows) const {
    for (int i = threadIdx.x; i < buckets; i += THREADS) {
      first[i] = NOWHERE;
    }
    __syncthreads();  // all buckets are empty
    for (int base = threadIdx.x; base < rows; base += LOADS * THREADS) {
      int loaded[LOADS];
#pragma unroll
      for (int i = 0; i < LOADS; i++) {
        int place = base + i * THREADS;
        loaded[i] = place < rows ? __ldcg(from + place) : 0;
      }
#pragma unroll
      for (int i = 0; i < LOADS; i++) {
        int place = base + i * THREADS;
        if (loaded[i] != 0) {
          owners[place] = loaded[i];
          next[place] = uint16_t(atomicExch(bucket(loaded[i]), place));
        }
      }
    }
  }

  __device__ __forceinline__ int find(int owner) const {
    int place = *bucket(owner);
    while (place != NOWHERE && owners[place] != owner) {
      place = next[place];
    }
    return place;
  }
};

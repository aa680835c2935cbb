// matmul_parts.cuh -- floats as sums of three bf16, for matmul_rows.cuh, in its namespace

constexpr int PARTS = 3;

/** The upper halves of two floats, which are bf16, as a pair. */
__device__ __forceinline__ uint32_t upper_halves(float a, float b) {
  return __byte_perm(__float_as_uint(a), __float_as_uint(b), 0x7632);
}

/** What a float is beside its upper half. Exact. */
__device__ __forceinline__ float rest(float a) { return a - __uint_as_float(__float_as_uint(a) & 0xffff0000u); }

/** Two floats as sums of three bf16 each, the largest part last. */
__device__ __forceinline__ void cut(float a, float b, uint32_t& low, uint32_t& middle, uint32_t& high) {
  high = upper_halves(a, b);
  a = rest(a);
  b = rest(b);
  middle = upper_halves(a, b);
  low = upper_halves(rest(a), rest(b));  // at most 8 bits are left: a bf16 as they are
}

__device__ __forceinline__ void cut(float4 a, float4 b, uint4 (&parts)[PARTS]) {
  cut(a.x, a.y, parts[0].x, parts[1].x, parts[2].x);
  cut(a.z, a.w, parts[0].y, parts[1].y, parts[2].y);
  cut(b.x, b.y, parts[0].z, parts[1].z, parts[2].z);
  cut(b.z, b.w, parts[0].w, parts[1].w, parts[2].w);
}

__device__ __forceinline__ float4 scaled(float4 a, float4 b) {
  return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}

__device__ __forceinline__ float squares_of(float4 a) { return a.x * a.x + a.y * a.y + (a.z * a.z + a.w * a.w); }

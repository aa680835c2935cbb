// swiglu.cu -- layer.SwiGlu: out = gate / (1 + exp(-gate)) * up
//
// One thread computes four neighbouring numbers, with 16-byte loads and stores if all buffers are aligned; it has read
// them before it writes, so `out` may be `gate` or `up`. Bound by memory: 12 bytes a number.
// grid ceil(count / (4 * block)), block 256.
#include "pariskv.cuh"

/** Full precision: the error of the fast exponential grows with the gate. Where exp overflows the result is 0. */
__device__ __forceinline__ float gated(float gate, float up) { return gate / (1.0f + expf(-gate)) * up; }

extern "C" __global__ void swiglu_apply(const float* gate,  // [count]
                                        const float* up,    // [count]
                                        float* out,         // [count]
                                        int64_t count) {
  int64_t first = 4 * global_x();
  await_previous();
  release_next();
  if (first + 4 <= count && aligned128(gate) && aligned128(up) && aligned128(out)) {
    float4 g = *reinterpret_cast<const float4*>(gate + first);
    float4 u = *reinterpret_cast<const float4*>(up + first);
    *reinterpret_cast<float4*>(out + first) =
        make_float4(gated(g.x, u.x), gated(g.y, u.y), gated(g.z, u.z), gated(g.w, u.w));
    return;
  }
  for (int64_t i = first; i < min(first + 4, count); i++) {
    out[i] = gated(gate[i], up[i]);
  }
}

// matmul_gated.cu -- layer.NormedMatMul.gate of 1 to 16 rows by bf16 weights: the first half of a decode step's MLP
//
// A block makes the same outputs of gate and up, half of its tiles each, and writes silu(gate) * up: neither is ever in
// memory. How a block works: matmul_rows.cuh. What it costs: decision 10.
// grid ceil(out / (4 * tiles)), block BLOCK, dynamic shared memory WARPS * RING.
#include "pariskv.cuh"

#include "matmul_rows.cuh"

/** One linear layer. */
struct Layer {
  const uint16_t* weight;
  const float* bias;

  __device__ __forceinline__ float add_bias(float sum, int output) const {
    return sum + (bias == nullptr ? 0 : bias[output]);
  }
};

template <int TILES, int HALVES>
__device__ __forceinline__ void multiply(const Input& input, const Layer& gate, const Layer& up, float* y, int out,
                                         char* shared) {
  using Block = Product<TILES, HALVES>;
  constexpr int WIDTH = Block::WIDTH / 2;
  const int first = blockIdx.x * WIDTH;
  Block product(input, shared);
#pragma unroll
  for (int tile = 0; tile < TILES / 2; tile++) {
    product.take(tile, gate.weight, first + 8 * tile, out);
    product.take(tile + TILES / 2, up.weight, first + 8 * tile, out);
  }
  product.run();
  for (int i = threadIdx.x; i < input.rows * WIDTH; i += BLOCK) {
    const int row = i / WIDTH;
    const int output = first + i % WIDTH;
    if (output < out) {
      const float g = gate.add_bias(Block::result(input, shared, row, i % WIDTH), output);
      const float u = up.add_bias(Block::result(input, shared, row, i % WIDTH + WIDTH), output);
      y[int64_t(row) * out + output] = g / (1.0f + expf(-g)) * u;  // full precision, as in swiglu.cu
    }
  }
}

template <int HALVES>
__device__ __forceinline__ void multiply(const Input& input, const Layer& gate, const Layer& up, float* y, int out,
                                         int tiles) {
  extern __shared__ __align__(16) char shared[];
  switch (tiles) {
    case 2: return multiply<2, HALVES>(input, gate, up, y, out, shared);
    default: return multiply<4, HALVES>(input, gate, up, y, out, shared);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_gated_8(const float* x,     // [rows][in]
                   const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                   float epsilon,      // of the norm
                   int rows,           // 1 to 8
                   int in, int out,
                   int tiles,               // 2 or 4, of gate and up together
                   const uint16_t* gate,    // [out][in] bf16
                   const float* gate_bias,  // [out], or nullptr
                   const uint16_t* up,      // [out][in] bf16
                   const float* up_bias,    // [out], or nullptr
                   float* y) {              // [rows][out]
  multiply<1>({x, norm, epsilon, rows, in}, {gate, gate_bias}, {up, up_bias}, y, out, tiles);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_gated_16(const float* x,     // [rows][in]
                    const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                    float epsilon,      // of the norm
                    int rows,           // 1 to 16
                    int in, int out,
                    int tiles,               // 2 or 4, of gate and up together
                    const uint16_t* gate,    // [out][in] bf16
                    const float* gate_bias,  // [out], or nullptr
                    const uint16_t* up,      // [out][in] bf16
                    const float* up_bias,    // [out], or nullptr
                    float* y) {              // [rows][out]
  multiply<2>({x, norm, epsilon, rows, in}, {gate, gate_bias}, {up, up_bias}, y, out, tiles);
}

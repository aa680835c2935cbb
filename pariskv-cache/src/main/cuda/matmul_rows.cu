// matmul_rows.cu -- layer.MatMul and NormedMatMul of 1 to 16 rows by bf16 weights: linear layers of a decode step
//
// One launch makes the outputs of up to three layers of the same x, such as q, k and v: the blocks of the first, then
// those of the second. How a block works: matmul_rows.cuh. What it costs: decision 10.
// grid sum of ceil(out / (8 * tiles)), block BLOCK, dynamic shared memory WARPS * RING.
#include "pariskv.cuh"

#include "matmul_rows.cuh"

/** One linear layer. */
struct Layer {
  const uint16_t* weight;
  const float* bias;
  float* y;
  int out;
};

template <int TILES, int HALVES>
__device__ __forceinline__ void multiply(const Input& input, const Layer& layer, int block, int accumulate,
                                         char* shared) {
  using Block = Product<TILES, HALVES>;
  const int first = block * Block::WIDTH;
  Block product(input, shared);
#pragma unroll
  for (int tile = 0; tile < TILES; tile++) {
    product.take(tile, layer.weight, first + 8 * tile, layer.out);
  }
  product.run();
  for (int i = threadIdx.x; i < input.rows * Block::WIDTH; i += BLOCK) {
    const int row = i / Block::WIDTH;
    const int output = first + i % Block::WIDTH;
    if (output < layer.out) {
      float* y = layer.y + int64_t(row) * layer.out + output;
      const float sum = Block::result(input, shared, row, i % Block::WIDTH);
      *y = sum + (layer.bias == nullptr ? 0 : layer.bias[output]) + (accumulate ? *y : 0);
    }
  }
}

/** The layer of this block, and which of its blocks it is. */
template <int TILES, int HALVES>
__device__ __forceinline__ void multiply(const Input& input, const Layer& a, const Layer& b, const Layer& c,
                                         int accumulate, char* shared) {
  const int of_a = ceil_div(a.out, 8 * TILES);
  const int of_b = ceil_div(b.out, 8 * TILES);
  const int block = blockIdx.x;
  const bool is_a = block < of_a;
  const bool is_b = block < of_a + of_b;
  const Layer layer = is_a ? a : is_b ? b : c;
  multiply<TILES, HALVES>(input, layer, is_a ? block : is_b ? block - of_a : block - of_a - of_b, accumulate, shared);
}

template <int HALVES>
__device__ __forceinline__ void multiply(const Input& input, const Layer& a, const Layer& b, const Layer& c, int tiles,
                                         int accumulate) {
  extern __shared__ __align__(16) char shared[];
  switch (tiles) {
    case 1: return multiply<1, HALVES>(input, a, b, c, accumulate, shared);
    case 2: return multiply<2, HALVES>(input, a, b, c, accumulate, shared);
    default: return multiply<4, HALVES>(input, a, b, c, accumulate, shared);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_rows_8(const float* x,     // [rows][in]
                  const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                  float epsilon,      // of the norm
                  int rows,           // 1 to 8
                  int in,
                  int tiles,       // 1, 2 or 4
                  int accumulate,  // 1 to add to y, 0 to write it; layers: [out][in], [out] or nullptr, [rows][out]
                  const uint16_t* weight_a, const float* bias_a, float* y_a, int out_a,
                  const uint16_t* weight_b, const float* bias_b, float* y_b, int out_b,    // 0 outputs for no layer
                  const uint16_t* weight_c, const float* bias_c, float* y_c, int out_c) {  // 0 outputs for no layer
  multiply<1>({x, norm, epsilon, rows, in}, {weight_a, bias_a, y_a, out_a}, {weight_b, bias_b, y_b, out_b},
              {weight_c, bias_c, y_c, out_c}, tiles, accumulate);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_rows_16(const float* x,     // [rows][in]
                   const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                   float epsilon,      // of the norm
                   int rows,           // 1 to 16
                   int in,
                   int tiles,       // 1, 2 or 4
                   int accumulate,  // 1 to add to y, 0 to write it; layers: [out][in], [out] or nullptr, [rows][out]
                   const uint16_t* weight_a, const float* bias_a, float* y_a, int out_a,
                   const uint16_t* weight_b, const float* bias_b, float* y_b, int out_b,    // 0 outputs for no layer
                   const uint16_t* weight_c, const float* bias_c, float* y_c, int out_c) {  // 0 outputs for no layer
  multiply<2>({x, norm, epsilon, rows, in}, {weight_a, bias_a, y_a, out_a}, {weight_b, bias_b, y_b, out_b},
              {weight_c, bias_c, y_c, out_c}, tiles, accumulate);
}

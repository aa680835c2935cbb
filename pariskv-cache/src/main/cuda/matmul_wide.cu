// matmul_wide.cu -- layer.MatMul and NormedMatMul of 3 to 16 rows by bf16 weights: linear layers of a decode step
//
// As matmul_ring.cu with twice as many rows of W a block, which halves what is read of x: for layers that have outputs for
// two blocks on each SM even so.
// grid units of 64 rows of W, block 256, dynamic shared memory 96 KiB.
#include "pariskv.cuh"

constexpr int UNIT = 64;  // rows of W of a block
#include "matmul_ring.cuh"

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_wide_8(const float* x,     // [rows][in]
                 const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                 float epsilon,      // of the norm
                 int rows,           // 1 to 8
                 int in,
                 int accumulate,  // 1 to add to y, 0 to write it; layers: [out][in], [out] or nullptr, [rows][out]
                 const uint16_t* weight_a, const float* bias_a, float* y_a, int out_a,
                 const uint16_t* weight_b, const float* bias_b, float* y_b, int out_b,    // 0 outputs for no layer
                 const uint16_t* weight_c, const float* bias_c, float* y_c, int out_c) {  // 0 outputs for no layer
  const Layers layers = {{weight_a, bias_a, y_a, out_a},
                         {weight_b, bias_b, y_b, out_b},
                         {weight_c, bias_c, y_c, out_c},
                         accumulate};
  multiply<1>({x, norm, epsilon, rows, in}, layers);
}

/** The same for up to 16 rows. */
extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_wide_16(const float* x, const float* norm, float epsilon, int rows, int in, int accumulate,
                   const uint16_t* weight_a, const float* bias_a, float* y_a, int out_a,
                   const uint16_t* weight_b, const float* bias_b, float* y_b, int out_b,
                   const uint16_t* weight_c, const float* bias_c, float* y_c, int out_c) {
  const Layers layers = {{weight_a, bias_a, y_a, out_a},
                         {weight_b, bias_b, y_b, out_b},
                         {weight_c, bias_c, y_c, out_c},
                         accumulate};
  multiply<2>({x, norm, epsilon, rows, in}, layers);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_wide_gated_8(const float* x,     // [rows][in]
                       const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                       float epsilon,      // of the norm
                       int rows,           // 1 to 8
                       int in, int out,
                       const uint16_t* gate,    // [out][in] bf16
                       const float* gate_bias,  // [out], or nullptr
                       const uint16_t* up,      // [out][in] bf16
                       const float* up_bias,    // [out], or nullptr
                       float* y) {              // [rows][out]
  const GatedLayers layers = {{gate, gate_bias, y, out}, {up, up_bias, y, out}};
  multiply<1>({x, norm, epsilon, rows, in}, layers);
}

/** The same for up to 16 rows. */
extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_wide_gated_16(const float* x, const float* norm, float epsilon, int rows, int in, int out,
                         const uint16_t* gate, const float* gate_bias, const uint16_t* up, const float* up_bias,
                         float* y) {
  const GatedLayers layers = {{gate, gate_bias, y, out}, {up, up_bias, y, out}};
  multiply<2>({x, norm, epsilon, rows, in}, layers);
}

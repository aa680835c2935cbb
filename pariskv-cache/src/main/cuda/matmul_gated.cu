// matmul_gated.cu -- layer.NormedMatMul.gate of 1 to 16 rows by bf16 weights: the first half of a decode step's MLP
//
// A unit is 8 outputs of gate and the same of up, of which a block writes silu(gate) * up: neither is ever in memory.
// How a block works: matmul_rows.cuh. What it costs: decision 10.
// grid any number of blocks up to that of the units of outputs, block BLOCK, dynamic shared memory SHARED.
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

/** Units of 8 outputs of gate and the same of up. */
struct Layers {
  Layer gate, up;
  float* y;
  int out;

  __device__ __forceinline__ int units() const { return ceil_div(out, UNIT / 2); }

  __device__ __forceinline__ void rows(int unit, int in, int from, const uint16_t*& upper,
                                       const uint16_t*& lower) const {
    const int row = min(unit * (UNIT / 2) + lane_id() / 4, out - 1);
    upper = row_at(gate.weight, row, in, from);
    lower = row_at(up.weight, row, in, from);
  }

  template <int UNITS>
  __device__ __forceinline__ void write(int unit, int place, int row, int number) const {
    const int output = unit * (UNIT / 2) + place;
    if (place < UNIT / 2 && output < out) {
      const float g = gate.add_bias(total<UNITS>(row, number), output);
      const float u = up.add_bias(total<UNITS>(row, number + 2 * WARP), output);
      y[int64_t(row) * out + output] = g / (1.0f + expf(-g)) * u;  // full precision, as in swiglu.cu
    }
  }
};

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_gated_8(const float* x,     // [rows][in]
                   const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                   float epsilon,      // of the norm
                   int rows,           // 1 to 8
                   int in, int out,
                   int units,               // of a pass, 1 to 4
                   const uint16_t* gate,    // [out][in] bf16
                   const float* gate_bias,  // [out], or nullptr
                   const uint16_t* up,      // [out][in] bf16
                   const float* up_bias,    // [out], or nullptr
                   float* y) {              // [rows][out]
  multiply<1>({x, norm, epsilon, rows, in}, Layers{{gate, gate_bias}, {up, up_bias}, y, out}, units);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 1)
    matmul_gated_16(const float* x,     // [rows][in]
                    const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                    float epsilon,      // of the norm
                    int rows,           // 1 to 16
                    int in, int out,
                    int units,               // of a pass, 1 to 4
                    const uint16_t* gate,    // [out][in] bf16
                    const float* gate_bias,  // [out], or nullptr
                    const uint16_t* up,      // [out][in] bf16
                    const float* up_bias,    // [out], or nullptr
                    float* y) {              // [rows][out]
  multiply<2>({x, norm, epsilon, rows, in}, Layers{{gate, gate_bias}, {up, up_bias}, y, out}, units);
}

// matmul_few.cu -- layer.MatMul and NormedMatMul of 1 to 4 rows by bf16 weights: linear layers of a decode step
//
// One launch makes the outputs of up to three layers of the same x, such as q, k and v. How a block works:
// matmul_few.cuh. What it costs: decision 10.
// grid ceil(units of four outputs / (8 / parts)), block 256, static shared memory only.
#include "pariskv.cuh"

#include "matmul_few.cuh"

/** One linear layer. */
struct Layer {
  const uint16_t* weight;
  const float* bias;
  float* y;
  int out;

  __device__ __forceinline__ int units() const { return ceil_div(out, UNIT); }
};

/** Layers one after the other, units of four outputs. */
struct Layers {
  const Layer a, b, c;
  int accumulate;

  __device__ __forceinline__ int units() const { return a.units() + b.units() + c.units(); }

  /** The layer of a unit, which becomes the unit's number in it. */
  __device__ __forceinline__ Layer at(int& unit) const {
    if (unit < a.units()) {
      return a;
    }
    unit -= a.units();
    if (unit < b.units()) {
      return b;
    }
    unit -= b.units();
    return c;
  }

  __device__ __forceinline__ const uint16_t* row(int unit, int j, int in) const {
    const Layer layer = at(unit);
    return layer.weight + int64_t(min(unit * UNIT + j, layer.out - 1)) * in;
  }

  __device__ __forceinline__ void write(int unit, int place, int row, float sum, float) const {
    const Layer layer = at(unit);
    const int output = unit * UNIT + place;
    if (output < layer.out) {
      float* y = layer.y + int64_t(row) * layer.out + output;
      *y = sum + (layer.bias == nullptr ? 0 : layer.bias[output]) + (accumulate ? *y : 0);
    }
  }
};

extern "C" __global__ void __launch_bounds__(BLOCK, 3)
    matmul_few_1(const float* x,     // [rows][in]
                 const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                 float epsilon,      // of the norm
                 int rows,           // 1
                 int in,
                 int parts,       // shares of the inputs, 1, 2, 4 or 8
                 int accumulate,  // 1 to add to y, 0 to write it; layers: [out][in], [out] or nullptr, [rows][out]
                 const uint16_t* weight_a, const float* bias_a, float* y_a, int out_a,
                 const uint16_t* weight_b, const float* bias_b, float* y_b, int out_b,    // 0 outputs for no layer
                 const uint16_t* weight_c, const float* bias_c, float* y_c, int out_c) {  // 0 outputs for no layer
  const Layers layers = {{weight_a, bias_a, y_a, out_a},
                         {weight_b, bias_b, y_b, out_b},
                         {weight_c, bias_c, y_c, out_c},
                         accumulate};
  multiply<1>({x, norm, epsilon, rows, in}, layers, parts);
}

/** The same for 1 to 4 rows. */
extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_few_4(const float* x, const float* norm, float epsilon, int rows, int in, int parts, int accumulate,
                 const uint16_t* weight_a, const float* bias_a, float* y_a, int out_a,
                 const uint16_t* weight_b, const float* bias_b, float* y_b, int out_b,
                 const uint16_t* weight_c, const float* bias_c, float* y_c, int out_c) {
  const Layers layers = {{weight_a, bias_a, y_a, out_a},
                         {weight_b, bias_b, y_b, out_b},
                         {weight_c, bias_c, y_c, out_c},
                         accumulate};
  multiply<MOST>({x, norm, epsilon, rows, in}, layers, parts);
}

/** Units of two outputs of gate and the same of up, of which silu(gate) * up is written. */
struct GatedLayers {
  const uint16_t* gate;
  const float* gate_bias;
  const uint16_t* up;
  const float* up_bias;
  float* y;
  int out;

  __device__ __forceinline__ int units() const { return ceil_div(out, UNIT / 2); }

  __device__ __forceinline__ const uint16_t* row(int unit, int j, int in) const {
    int output = min(unit * (UNIT / 2) + j % 2, out - 1);
    return (j < 2 ? gate : up) + int64_t(output) * in;
  }

  __device__ __forceinline__ void write(int unit, int place, int row, float sum, float other) const {
    const int output = unit * (UNIT / 2) + place;
    if (place < UNIT / 2 && output < out) {
      const float g = sum + (gate_bias == nullptr ? 0 : gate_bias[output]);
      const float u = other + (up_bias == nullptr ? 0 : up_bias[output]);
      y[int64_t(row) * out + output] = g / (1.0f + expf(-g)) * u;  // full precision, as in swiglu.cu
    }
  }
};

extern "C" __global__ void __launch_bounds__(BLOCK, 3)
    matmul_few_gated_1(const float* x,     // [rows][in]
                       const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                       float epsilon,      // of the norm
                       int rows,           // 1
                       int in, int out,
                       int parts,               // shares of the inputs, 1, 2, 4 or 8
                       const uint16_t* gate,    // [out][in] bf16
                       const float* gate_bias,  // [out], or nullptr
                       const uint16_t* up,      // [out][in] bf16
                       const float* up_bias,    // [out], or nullptr
                       float* y) {              // [rows][out]
  multiply<1>({x, norm, epsilon, rows, in}, GatedLayers{gate, gate_bias, up, up_bias, y, out}, parts);
}

/** The same for 1 to 4 rows. */
extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_few_gated_4(const float* x, const float* norm, float epsilon, int rows, int in, int out, int parts,
                       const uint16_t* gate, const float* gate_bias, const uint16_t* up, const float* up_bias,
                       float* y) {
  multiply<MOST>({x, norm, epsilon, rows, in}, GatedLayers{gate, gate_bias, up, up_bias, y, out}, parts);
}

// matmul_rows.cu -- layer.MatMul and NormedMatMul of 1 to 16 rows by bf16 weights: linear layers of a decode step
//
// One launch makes the outputs of up to three layers of the same x, such as q, k and v: the units of the first, then
// those of the second; the share of a block may be of two. How a block works:
// matmul_rows.cuh. What it costs: decision 10.
// grid any number of blocks up to that of the units of outputs, block BLOCK, dynamic shared memory SHARED.
#include "pariskv.cuh"

#include "matmul_rows.cuh"

/** One linear layer. */
struct Layer {
  const uint16_t* weight;
  const float* bias;
  float* y;
  int out;

  __device__ __forceinline__ int units() const { return ceil_div(out, UNIT); }
};

/** Layers one after the other, units of 16 outputs. */
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

  __device__ __forceinline__ void rows(int unit, int in, int from, const uint16_t*& upper,
                                       const uint16_t*& lower) const {
    const Layer layer = at(unit);
    const int row = unit * UNIT + lane_id() / 4;
    upper = row_at(layer.weight, min(row, layer.out - 1), in, from);
    lower = row_at(layer.weight, min(row + UNIT / 2, layer.out - 1), in, from);
  }

  template <int UNITS>
  __device__ __forceinline__ void write(int unit, int place, int row, int number) const {
    const Layer layer = at(unit);
    const int output = unit * UNIT + place;
    if (output < layer.out) {
      float* y = layer.y + int64_t(row) * layer.out + output;
      *y = total<UNITS>(row, number) + (layer.bias == nullptr ? 0 : layer.bias[output]) + (accumulate ? *y : 0);
    }
  }
};

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
    matmul_rows_8(const float* x,     // [rows][in]
                  const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                  float epsilon,      // of the norm
                  int rows,           // 1 to 8
                  int in,
                  int units,       // of a pass, 1 to 4
                  int accumulate,  // 1 to add to y, 0 to write it; layers: [out][in], [out] or nullptr, [rows][out]
                  const uint16_t* weight_a, const float* bias_a, float* y_a, int out_a,
                  const uint16_t* weight_b, const float* bias_b, float* y_b, int out_b,    // 0 outputs for no layer
                  const uint16_t* weight_c, const float* bias_c, float* y_c, int out_c) {  // 0 outputs for no layer
  const Layers layers = {{weight_a, bias_a, y_a, out_a},
                         {weight_b, bias_b, y_b, out_b},
                         {weight_c, bias_c, y_c, out_c},
                         accumulate};
  multiply<1>({x, norm, epsilon, rows, in}, layers, units);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 1)
    matmul_rows_16(const float* x,     // [rows][in]
                   const float* norm,  // [in] weights of an RMS norm of x, or nullptr for none
                   float epsilon,      // of the norm
                   int rows,           // 1 to 16
                   int in,
                   int units,       // of a pass, 1 to 4
                   int accumulate,  // 1 to add to y, 0 to write it; layers: [out][in], [out] or nullptr, [rows][out]
                   const uint16_t* weight_a, const float* bias_a, float* y_a, int out_a,
                   const uint16_t* weight_b, const float* bias_b, float* y_b, int out_b,    // 0 outputs for no layer
                   const uint16_t* weight_c, const float* bias_c, float* y_c, int out_c) {  // 0 outputs for no layer
  const Layers layers = {{weight_a, bias_a, y_a, out_a},
                         {weight_b, bias_b, y_b, out_b},
                         {weight_c, bias_c, y_c, out_c},
                         accumulate};
  multiply<2>({x, norm, epsilon, rows, in}, layers, units);
}

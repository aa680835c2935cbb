// matmul_layers.cuh -- what matmul_few.cu and matmul_rows.cu multiply and where it goes. Included in the namespace of
// each, after UNIT, the rows of W that are multiplied together.

/** What is multiplied. */
struct Input {
  const float* x;     // [rows][in]
  const float* norm;  // [in] weights of an RMS norm of x, or nullptr for none
  float epsilon;      // of the norm
  int rows;
  int in;

  /** What a norm divides a row by, from the sum of its squares, as a factor. */
  __device__ __forceinline__ float factor(float squares) const {
    return norm == nullptr ? 1 : 1.0f / sqrtf(squares / in + epsilon);
  }
};

/** One linear layer. */
struct Layer {
  const uint16_t* weight;  // [out][in] bf16
  const float* bias;       // [out], or nullptr
  float* y;                // [rows][out]
  int out;

  __device__ __forceinline__ int units() const { return ceil_div(out, UNIT); }
  __device__ __forceinline__ float biased(float sum, int output) const {
    return sum + (bias == nullptr ? 0 : bias[output]);
  }
};

/** Up to three layers of one x, one after the other; a unit is of one of them. */
struct Layers {
  Layer a, b, c;
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

  /** Row j of W of a unit; beyond the last, that one again. */
  __device__ __forceinline__ const uint16_t* row(int unit, int j, int in) const {
    const Layer layer = at(unit);
    return layer.weight + int64_t(min(unit * UNIT + j, layer.out - 1)) * in;
  }

  /** Takes what row j of W gives for a row of x; what row j + UNIT / 2 gives is for others. */
  __device__ __forceinline__ void write(int unit, int j, int row, float sum, float) const {
    const Layer layer = at(unit);
    const int output = unit * UNIT + j;
    if (output < layer.out) {
      float* y = layer.y + int64_t(row) * layer.out + output;
      *y = layer.biased(sum, output) + (accumulate ? *y : 0);
    }
  }
};

/** The first half of an MLP: units of as many outputs of gate as of up, of which silu(gate) * up is written. */
struct GatedLayers {
  Layer gate, up;

  __device__ __forceinline__ int units() const { return ceil_div(gate.out, UNIT / 2); }

  __device__ __forceinline__ const uint16_t* row(int unit, int j, int in) const {
    const int output = min(unit * (UNIT / 2) + j % (UNIT / 2), gate.out - 1);
    return (j < UNIT / 2 ? gate : up).weight + int64_t(output) * in;
  }

  __device__ __forceinline__ void write(int unit, int j, int row, float sum, float other) const {
    const int output = unit * (UNIT / 2) + j;
    if (j < UNIT / 2 && output < gate.out) {
      const float g = gate.biased(sum, output);
      gate.y[int64_t(row) * gate.out + output] = g / (1.0f + expf(-g)) * up.biased(other, output);  // as in swiglu.cu
    }
  }
};

package io.pariskv.backend.scalar;

import io.pariskv.layer.Linear;
import io.pariskv.layer.MatMul;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.stream.IntStream;

/** {@link MatMul} in double. */
final class ScalarMatMul implements MatMul {
  @Override
  public void multiply(Buffer x, Linear linear, Buffer y) {
    multiply(x, linear, y, false);
  }

  @Override
  public void multiplyAdd(Buffer x, Linear linear, Buffer y) {
    multiply(x, linear, y, true);
  }

  private static void multiply(Buffer x, Linear linear, Buffer y, boolean add) {
    int rows = x.shape().extent(0);
    x.require("linear input", DType.F32, rows, linear.in());
    y.require("linear output", DType.F32, rows, linear.out());
    float[] input = Elements.floats(x.segment(), DType.F32);
    IntStream.range(0, linear.out()).parallel().forEach(o -> column(input, linear, o, y, add));
  }

  /** Output {@code o} of every row. */
  private static void column(float[] input, Linear linear, int o, Buffer y, boolean add) {
    int in = linear.in();
    Buffer weight = linear.weight();
    float[] w = Elements.floats(weight.segment(), weight.dtype(), (long) o * in, in);
    double bias = linear.bias() == null ? 0 : Elements.getFloat(linear.bias(), o);
    for (int r = 0; r < y.shape().extent(0); r++) {
      long at = (long) r * linear.out() + o;
      double sum = bias + Elements.dot(w, 0, input, r * in, in);
      Elements.setFloat(y, at, (float) (add ? Elements.getFloat(y, at) + sum : sum));
    }
  }
}

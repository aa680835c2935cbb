package io.pariskv.backend.cuda;

import io.pariskv.layer.GatedLinear;
import io.pariskv.layer.Linear;
import io.pariskv.layer.Norm;
import io.pariskv.layer.NormedMatMul;
import io.pariskv.layer.RmsNorm;
import io.pariskv.layer.SwiGlu;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.List;

/**
 * {@link NormedMatMul} on the GPU: one launch where {@link FewRowsMatMul} takes it, else one stage after the
 * other, of which those that multiply share an input rounded once.
 */
final class CudaNormedMatMul implements NormedMatMul {
  private final FewRowsMatMul fewRows;
  private final RmsNorm rmsNorm;
  private final CudaMatMul matMul;
  private final SwiGlu swiGlu;

  CudaNormedMatMul(RmsNorm rmsNorm, CudaMatMul matMul, SwiGlu swiGlu) {
    this.fewRows = matMul.fewRows();
    this.rmsNorm = rmsNorm;
    this.matMul = matMul;
    this.swiGlu = swiGlu;
  }

  @Override
  public void multiply(Buffer x, Norm norm, List<Linear> linears, Buffer normed, List<Buffer> ys) {
    NormedMatMul.requireOutputs(linears, ys);
    if (!fewRows.takes(x, norm, linears)) {
      rmsNorm.normalize(x, norm.weight(), norm.epsilon(), normed);
      matMul.multiply(normed, linears, ys, false);
      return;
    }
    int rows = x.shape().extent(0);
    requireInputs(x, norm, normed);
    for (int i = 0; i < ys.size(); i++) {
      x.require("linear input", DType.F32, rows, linears.get(i).in());
      ys.get(i).require("linear output", DType.F32, rows, linears.get(i).out());
    }
    if (rows > 0) {
      fewRows.multiply(x, norm, linears, ys, false);
    }
  }

  @Override
  public void multiplyGated(Buffer x, Norm norm, GatedLinear linear, Buffer normed, Buffer upped,
      Buffer y) {
    List<Linear> linears = List.of(linear.gate(), linear.up());
    if (!fewRows.takes(x, norm, linears)) {
      multiply(x, norm, linears, normed, List.of(y, upped));
      swiGlu.apply(y, upped, y);
      return;
    }
    int rows = x.shape().extent(0);
    requireInputs(x, norm, normed);
    x.require("linear input", DType.F32, rows, linear.in());
    upped.require("linear output", DType.F32, rows, linear.out());
    y.require("gated output", DType.F32, rows, linear.out());
    if (y.shape().elements() > 0) {
      fewRows.multiplyGated(x, norm, linear, y);
    }
  }

  private static void requireInputs(Buffer x, Norm norm, Buffer normed) {
    int rows = x.shape().extent(0);
    int width = Math.toIntExact(norm.weight().shape().elements());
    norm.weight().require("norm weight", DType.F32, width);
    x.require("norm input", DType.F32, rows, width);
    normed.require("norm output", DType.F32, rows, width);
  }
}

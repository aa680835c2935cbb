package io.pariskv.backend;

import io.pariskv.layer.GatedLinear;
import io.pariskv.layer.Linear;
import io.pariskv.layer.MatMul;
import io.pariskv.layer.Norm;
import io.pariskv.layer.NormedMatMul;
import io.pariskv.layer.RmsNorm;
import io.pariskv.layer.SwiGlu;
import io.pariskv.memory.Buffer;
import java.util.List;

/** {@link NormedMatMul} as one call of each stage. */
public record StagedNormedMatMul(RmsNorm rmsNorm, MatMul matMul, SwiGlu swiGlu)
    implements
      NormedMatMul {

  @Override
  public void multiply(Buffer x, Norm norm, List<Linear> linears, Buffer normed, List<Buffer> ys) {
    NormedMatMul.requireOutputs(linears, ys);
    rmsNorm.normalize(x, norm.weight(), norm.epsilon(), normed);
    for (int i = 0; i < ys.size(); i++) {
      matMul.multiply(normed, linears.get(i), ys.get(i));
    }
  }

  @Override
  public void multiplyGated(Buffer x, Norm norm, GatedLinear linear, Buffer normed, Buffer upped,
      Buffer y) {
    multiply(x, norm, List.of(linear.gate(), linear.up()), normed, List.of(y, upped));
    swiGlu.apply(y, upped, y);
  }
}

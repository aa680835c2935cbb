package io.pariskv.backend.cuda;

import io.pariskv.layer.Residual;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link Residual} on the GPU, one launch. */
final class CudaResidual implements Residual {
  private static final int BLOCK = 256;
  private static final int NUMBERS_PER_THREAD = 4;

  private final Kernels kernels;
  private final CudaFunction add;

  CudaResidual(Kernels kernels) {
    this.kernels = kernels;
    add = kernels.function("residual_add");
  }

  @Override
  public void add(Buffer x, Buffer y) {
    long rows = x.shape().axis(0);
    long width = x.shape().axis(1);
    x.require("residual", DType.F32, rows, width);
    y.require("layer output", DType.F32, rows, width);
    long count = rows * width;
    if (count == 0) {
      return;
    }
    kernels.launch().grid(KernelLaunch.blocks(count, BLOCK * NUMBERS_PER_THREAD)).block(BLOCK)
        .arg(x).arg(y).arg(count).run(add);
  }
}

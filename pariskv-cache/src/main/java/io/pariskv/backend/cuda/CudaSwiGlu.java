package io.pariskv.backend.cuda;

import io.pariskv.layer.SwiGlu;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link SwiGlu} on the GPU, one launch. */
final class CudaSwiGlu implements SwiGlu {
  private static final int BLOCK = 256;
  private static final int NUMBERS_PER_THREAD = 4;

  private final Kernels kernels;
  private final CudaFunction apply;

  CudaSwiGlu(Kernels kernels) {
    this.kernels = kernels;
    apply = kernels.function("swiglu_apply");
  }

  @Override
  public void apply(Buffer gate, Buffer up, Buffer out) {
    long rows = gate.shape().axis(0);
    long width = gate.shape().axis(1);
    gate.require("gate", DType.F32, rows, width);
    up.require("up", DType.F32, rows, width);
    out.require("gated output", DType.F32, rows, width);
    long count = rows * width;
    if (count == 0) {
      return;
    }
    kernels.launch().grid(KernelLaunch.blocks(count, BLOCK * NUMBERS_PER_THREAD)).block(BLOCK)
        .overlapped().arg(gate).arg(up).arg(out).arg(count).run(apply);
  }
}

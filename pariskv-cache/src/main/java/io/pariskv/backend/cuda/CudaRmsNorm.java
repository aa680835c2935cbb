package io.pariskv.backend.cuda;

import io.pariskv.layer.RmsNorm;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * {@link RmsNorm} on the GPU, one launch: a warp a row where rows are narrow, such as heads, else a block a
 * row. Sums are in f32.
 */
final class CudaRmsNorm implements RmsNorm {
  private static final int WARP = 32;

  /** Widest row that a warp keeps in its registers. */
  private static final int NARROW = 512;

  private static final int NARROW_BLOCK = 256;
  private static final int MAX_BLOCK = 1_024;

  /** Numbers of a wide row that a thread keeps in its registers. */
  private static final int NUMBERS_PER_THREAD = 16;

  private final Kernels kernels;
  private final CudaFunction narrow;
  private final CudaFunction wide;

  CudaRmsNorm(Kernels kernels) {
    this.kernels = kernels;
    narrow = kernels.function("rms_norm_narrow");
    wide = kernels.function("rms_norm_wide");
  }

  @Override
  public void normalize(Buffer x, Buffer weight, float epsilon, Buffer y) {
    int width = Math.toIntExact(weight.shape().elements());
    int rows = x.shape().extent(0);
    weight.require("norm weight", DType.F32, width);
    x.require("norm input", DType.F32, rows, width);
    y.require("norm output", DType.F32, rows, width);
    if (x.byteSize() == 0) {
      return;
    }
    if (width <= NARROW) {
      kernels.launch().grid(KernelLaunch.blocks(rows, NARROW_BLOCK / WARP)).block(NARROW_BLOCK)
          .overlapped().arg(x).arg(weight).arg(y).arg(epsilon).arg(rows).arg(width).run(narrow);
    } else {
      int warps = Math.ceilDiv(width, NUMBERS_PER_THREAD * WARP);
      kernels.launch().grid(rows).block(Math.min(warps * WARP, MAX_BLOCK))
          .overlapped().arg(x).arg(weight).arg(y).arg(epsilon).arg(width).run(wide);
    }
  }
}

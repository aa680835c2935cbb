package io.pariskv.backend.cuda;

import io.pariskv.layer.RandomFill;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link RandomFill} on the GPU: {@code random_fill.cu}. */
final class CudaRandomFill implements RandomFill {
  private static final int BLOCK = 256;

  /** Enough for all multiprocessors; their threads stride over the rest. */
  private static final int MOST_BLOCKS = 1 << 14;

  private final Kernels kernels;
  private final CudaFunction f32;
  private final CudaFunction bf16;

  CudaRandomFill(Kernels kernels) {
    this.kernels = kernels;
    f32 = kernels.function("random_fill_f32");
    bf16 = kernels.function("random_fill_bf16");
  }

  @Override
  public void fill(Buffer target, long seed, float deviation) {
    float scale = RandomFill.scale(deviation);
    DType dtype = RandomFill.requireFloats(target);
    long count = target.shape().elements();
    if (count > 0) {
      int blocks = (int) Math.min(Math.ceilDiv(count, (long) BLOCK), MOST_BLOCKS);
      kernels.launch().grid(blocks).block(BLOCK).arg(target).arg(count).arg(seed).arg(scale)
          .run(dtype == DType.F32 ? f32 : bf16);
    }
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.layer.Embedding;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * {@link Embedding} on the GPU, one launch. A token outside the vocabulary, which the caller has excluded,
 * gets a row of NaN.
 */
final class CudaEmbedding implements Embedding {
  private static final int BLOCK = 128;

  /** Bytes of the table that a thread reads. */
  private static final int UNIT = 16;

  private final Kernels kernels;
  private final CudaFunction f32;
  private final CudaFunction f16;
  private final CudaFunction bf16;

  CudaEmbedding(Kernels kernels) {
    this.kernels = kernels;
    f32 = kernels.function("embedding_f32");
    f16 = kernels.function("embedding_f16");
    bf16 = kernels.function("embedding_bf16");
  }

  @Override
  public void embed(Buffer tokens, Buffer table, Buffer out) {
    int rows = Math.toIntExact(tokens.shape().elements());
    tokens.require("tokens", DType.I32, rows);
    int width = table.shape().extent(1);
    out.require("embedded rows", DType.F32, rows, width);
    CudaFunction function = function(table.dtype());
    if (out.byteSize() == 0) {
      return;
    }
    kernels.launch()
        .grid(rows, KernelLaunch.blocks(width, BLOCK * UNIT / table.dtype().bytes())).block(BLOCK)
        .overlapped().arg(tokens).arg(table).arg(out).arg(table.shape().extent(0)).arg(width)
        .run(function);
  }

  private CudaFunction function(DType type) {
    return switch (type) {
      case F32 -> f32;
      case F16 -> f16;
      case BF16 -> bf16;
      case I64, I32, U8 -> throw new IllegalArgumentException(type + " is not a type of floats");
    };
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.layer.Rotary;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link Rotary} on the GPU, one launch each. */
final class CudaRotary implements Rotary {
  private static final int ANGLES_BLOCK = 256;
  private static final int ROTATE_BLOCK = 128;
  private static final int PAIRS_PER_THREAD = 4;

  private final Kernels kernels;
  private final CudaFunction angles;
  private final CudaFunction rotate;

  CudaRotary(Kernels kernels) {
    this.kernels = kernels;
    angles = kernels.function("rotary_angles");
    rotate = kernels.function("rotary_rotate");
  }

  @Override
  public void angles(Batch batch, Buffer frequencies, float scale, Buffer table) {
    int half = Math.toIntExact(frequencies.shape().elements());
    frequencies.require("rotary frequencies", DType.F32, half);
    table.require("rotary table", DType.F32, batch.rows(), 2, half);
    long count = (long) batch.rows() * half;
    if (count == 0) {
      return;
    }
    kernels.launch().grid(KernelLaunch.blocks(count, ANGLES_BLOCK)).block(ANGLES_BLOCK)
        .overlapped().arg(batch.positions()).arg(frequencies).arg(table).arg(scale)
        .arg(batch.rows()).arg(half)
        .run(angles);
  }

  @Override
  public void rotate(Buffer x, Buffer table) {
    int rows = table.shape().extent(0);
    int half = table.shape().extent(2);
    int heads = x.shape().extent(1);
    table.require("rotary table", DType.F32, rows, 2, half);
    x.require("rotated heads", DType.F32, rows, heads, 2L * half);
    if (x.byteSize() == 0) {
      return;
    }
    int threads = Math.multiplyExact(heads, Math.ceilDiv(half, PAIRS_PER_THREAD));
    kernels.launch().grid(rows, KernelLaunch.blocks(threads, ROTATE_BLOCK)).block(ROTATE_BLOCK)
        .overlapped().arg(x).arg(table).arg(heads).arg(half).run(rotate);
  }
}

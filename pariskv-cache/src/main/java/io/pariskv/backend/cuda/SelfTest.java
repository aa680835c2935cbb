package io.pariskv.backend.cuda;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;

/** Adds two vectors on the GPU and compares: that kernels, arguments, copies and order work here at all. */
final class SelfTest {
  /** Not a multiple of the block, so the guard is tested too. */
  private static final int COUNT = 1_003;

  private static final int BLOCK = 256;
  private static final float SCALE = 0.1f;

  private SelfTest() {
  }

  /**
   * Runs it; a millisecond.
   *
   * @throws IllegalStateException if the GPU's numbers are not the host's
   */
  static void run(Kernels kernels, StagingRing ring) {
    float[] a = new float[COUNT];
    float[] b = new float[COUNT];
    float[] sum = new float[COUNT];
    for (int i = 0; i < COUNT; i++) {
      a[i] = i / 7f;
      b[i] = 3f - i;
    }
    try (DeviceAllocator memory = new DeviceAllocator(kernels.stream())) {
      Buffer x = memory.allocate(DType.F32, COUNT);
      Buffer y = memory.allocate(DType.F32, COUNT);
      Buffer out = memory.allocate(DType.F32, COUNT);
      ring.upload(MemorySegment.ofArray(a), x.address());
      ring.upload(MemorySegment.ofArray(b), y.address());
      kernels.launch().grid(KernelLaunch.blocks(COUNT, BLOCK)).block(BLOCK)
          .arg(x).arg(y).arg(out).arg(SCALE).arg(COUNT).run(kernels.function("smoke_add"));
      ring.download(out.address(), MemorySegment.ofArray(sum));
    }
    for (int i = 0; i < COUNT; i++) {
      if (sum[i] != a[i] + SCALE * b[i]) {
        throw new IllegalStateException(kernels.device().name() + " adds wrongly: element " + i
            + " is " + sum[i] + " instead of " + (a[i] + SCALE * b[i])
            + "; check the driver and the GPU, or use --backend vector");
      }
    }
  }
}

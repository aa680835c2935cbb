package io.pariskv.backend.cuda;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;

/** A token's keys or values as a slab has them, for comparison and diagnosis. */
final class StoredRow {
  private StoredRow() {
  }

  /**
   * Waits for all work before, and copies.
   *
   * @param slab address of the first row of K, or of V, in {@code [kvHeads][SLAB_TOKENS][2][headDim]}
   * @param to out, {@code [kvHeads][headDim]}
   */
  static void read(Kernels kernels, KvShape shape, long slab, int position, float[] to) {
    int width = shape.headDim();
    for (int head = 0; head < shape.kvHeads(); head++) {
      long row = (long) head * TokenSlabs.SLAB_TOKENS + position % TokenSlabs.SLAB_TOKENS;
      long address = slab + 2 * row * width * shape.dtype().bytes();
      if (shape.dtype() == DType.F32) {
        kernels.ring().download(address,
            MemorySegment.ofArray(to).asSlice(4L * head * width, 4L * width));
      } else {
        short[] stored = new short[width];
        kernels.ring().download(address, MemorySegment.ofArray(stored));
        for (int i = 0; i < width; i++) {
          to[head * width + i] = Bf16.toFloat(stored[i]);
        }
      }
    }
  }
}

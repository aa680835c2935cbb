package io.pariskv.backend.cuda;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Keys and values as a slab has them, for comparison and diagnosis. */
record StoredRows(Kernels kernels, KvShape shape) {

  /**
   * Waits for all work before, and copies tokens that follow each other in one slab.
   *
   * @param slab address of {@code [kvHeads][SLAB_TOKENS][2][headDim]}: a token's key and value are neighbours
   * @param first token of the slab
   * @param done tokens that {@code k} and {@code v} have already
   * @param k out, {@code [tokens][kvHeads][headDim]}
   * @param v out, {@code [tokens][kvHeads][headDim]}
   */
  void read(long slab, int first, int count, int done, float[] k, float[] v) {
    int width = shape.headDim();
    int bytes = shape.dtype().bytes();
    MemorySegment stored = MemorySegment.ofArray(new long[(2 * count * width * bytes + 7) / 8])
        .asSlice(0, 2L * count * width * bytes);
    for (int head = 0; head < shape.kvHeads(); head++) {
      long row = (long) head * TokenSlabs.SLAB_TOKENS + first;
      kernels.ring().download(slab + 2 * row * width * bytes, stored);
      for (int token = 0; token < count; token++) {
        int to = ((done + token) * shape.kvHeads() + head) * width;
        for (int i = 0; i < width; i++) {
          k[to + i] = number(stored, 2L * token * width + i);
          v[to + i] = number(stored, (2L * token + 1) * width + i);
        }
      }
    }
  }

  private float number(MemorySegment stored, long index) {
    return shape.dtype() == DType.F32
        ? stored.getAtIndex(ValueLayout.JAVA_FLOAT, index)
        : Bf16.toFloat(stored.getAtIndex(ValueLayout.JAVA_SHORT, index));
  }
}

package io.pariskv.backend.cuda;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;

/** Keys and values as a slab has them, for who keeps them elsewhere, for comparison and diagnosis. */
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
  void read(long slab, int first, int count, int done, MemorySegment k, MemorySegment v) {
    long bytes = (long) shape.headDim() * shape.dtype().bytes();
    MemorySegment stored = MemorySegment.ofArray(new byte[Math.toIntExact(2L * count * bytes)]);
    for (int head = 0; head < shape.kvHeads(); head++) {
      kernels.ring().download(
          slab + 2 * bytes * ((long) head * TokenSlabs.SLAB_TOKENS + first), stored);
      for (int token = 0; token < count; token++) {
        long to = ((long) (done + token) * shape.kvHeads() + head) * bytes;
        MemorySegment.copy(stored, 2L * token * bytes, k, to, bytes);
        MemorySegment.copy(stored, (2L * token + 1) * bytes, v, to, bytes);
      }
    }
  }
}

package io.pariskv.backend.vector;

import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.ValueLayout;

/**
 * Where the codes and weights of one KV head's keys are.
 *
 * @param codeSlabs addresses of slabs {@code [kvHeads][SLAB_TOKENS][subspaces] i32}
 * @param weightSlabs addresses of slabs {@code [kvHeads][SLAB_TOKENS][subspaces] bf16}
 * @param firstSlab place of the sequence's first slab in both arrays
 */
record KeyCodes(long[] codeSlabs, long[] weightSlabs, int firstSlab, int kvHead, int subspaces) {
  private static final long CACHE_LINE = 64;

  /** Address of the codes of {@code key}, {@code [subspaces] i32}. */
  long codes(int key) {
    return codeSlabs[firstSlab + (key >> TokenSlabs.SLAB_SHIFT)] + row(key) * Integer.BYTES;
  }

  /** Address of the weights of {@code key}, {@code [subspaces] bf16}. */
  long weights(int key) {
    return weightSlabs[firstSlab + (key >> TokenSlabs.SLAB_SHIFT)] + row(key) * Short.BYTES;
  }

  private long row(int key) {
    int token = kvHead << TokenSlabs.SLAB_SHIFT | key & (TokenSlabs.SLAB_TOKENS - 1);
    return (long) token * subspaces;
  }

  /**
   * Reads a little of every cache line that the candidates need, and nothing else, so that many misses
   * are under way at a time: the arithmetic between them would fill the processor's window.
   *
   * @param candidates address of {@code [count] i32} keys
   * @param out address of {@code [count] i32} that may be overwritten; what is read goes there, so that
   *     the reads have a use
   */
  void touch(long candidates, int count, long out) {
    long[] slabsOfCodes = codeSlabs;
    long[] slabsOfWeights = weightSlabs;
    int lines = subspaces >>> 4;
    for (int i = 0; i < count; i++) {
      int key = Raw.ALL.get(ValueLayout.JAVA_INT, candidates + (long) i * Integer.BYTES);
      int slab = firstSlab + (key >> TokenSlabs.SLAB_SHIFT);
      long row = row(key);
      long codes = slabsOfCodes[slab] + row * Integer.BYTES;
      int read = Raw.ALL.get(ValueLayout.JAVA_INT, codes)
          + Raw.ALL.get(ValueLayout.JAVA_SHORT, slabsOfWeights[slab] + row * Short.BYTES);
      if (lines > 1) {
        read += Raw.ALL.get(ValueLayout.JAVA_INT, codes + CACHE_LINE);
      }
      Raw.ALL.set(ValueLayout.JAVA_INT, out + (long) i * Integer.BYTES, read);
    }
  }
}

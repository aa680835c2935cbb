package io.pariskv.backend.vector;

import io.pariskv.memory.TokenSlabs;

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
   * @return something of what was read, for a use of it that the compiler cannot remove
   */
  int touch(long candidates, int count) {
    // In locals, which the compiler need not read again after every access to raw memory.
    long[] codesAt = codeSlabs;
    long[] weightsAt = weightSlabs;
    int first = firstSlab;
    int firstRow = kvHead << TokenSlabs.SLAB_SHIFT;
    long width = subspaces;
    int read = 0;
    for (int i = 0; i < count; i++) {
      int key = Raw.getInt(candidates + (long) i * Integer.BYTES);
      int slab = first + (key >> TokenSlabs.SLAB_SHIFT);
      long row = (firstRow + (key & TokenSlabs.SLAB_TOKENS - 1)) * width;
      long codes = codesAt[slab] + row * Integer.BYTES;
      read += Raw.getInt(codes) + Raw.getShort(weightsAt[slab] + row * Short.BYTES);
      if (width * Integer.BYTES > CACHE_LINE) {
        read += Raw.getInt(codes + CACHE_LINE);
      }
    }
    return read;
  }
}

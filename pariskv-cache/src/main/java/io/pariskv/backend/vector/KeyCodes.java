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
}

package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKeyIndex;
import io.pariskv.memory.TokenSlabs;

/**
 * Where the codes and weights of one KV head's keys are.
 *
 * @param slabs addresses of slabs {@code [kvHeads][SLAB_TOKENS][6 * subspaces] u8}
 * @param firstSlab place of the sequence's first slab among them
 */
record KeyRecords(long[] slabs, int firstSlab, int kvHead, int subspaces) {
  private static final int CACHE_LINE = 64;

  /** Address of the record of {@code key}. */
  long address(int key) {
    int token = kvHead << TokenSlabs.SLAB_SHIFT | key & (TokenSlabs.SLAB_TOKENS - 1);
    return slabs[firstSlab + (key >> TokenSlabs.SLAB_SHIFT)]
        + (long) token * HostKeyIndex.recordBytes(subspaces);
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
    long[] slabsAt = slabs;
    int first = firstSlab;
    int firstRow = kvHead << TokenSlabs.SLAB_SHIFT;
    int bytes = HostKeyIndex.recordBytes(subspaces);
    int read = 0;
    for (int i = 0; i < count; i++) {
      int key = Raw.getInt(candidates + (long) i * Integer.BYTES);
      long row = (long) firstRow + (key & TokenSlabs.SLAB_TOKENS - 1);
      long at = slabsAt[first + (key >> TokenSlabs.SLAB_SHIFT)] + row * bytes;
      read += Raw.getInt(at) + Raw.getInt(at + bytes - Integer.BYTES);
      if (bytes > 2 * CACHE_LINE) {
        read += Raw.getInt(at + CACHE_LINE);
      }
    }
    return read;
  }
}

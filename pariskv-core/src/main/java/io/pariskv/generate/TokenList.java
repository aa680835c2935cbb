package io.pariskv.generate;

import java.util.Arrays;

/** A growing list of token ids. */
final class TokenList {
  private int[] ids = new int[256];
  private int size;

  int size() {
    return size;
  }

  /** All of them, copied. */
  int[] all() {
    return Arrays.copyOf(ids, size);
  }

  /** All of them and {@code next}, copied. */
  int[] followedBy(int next) {
    int[] all = Arrays.copyOf(ids, size + 1);
    all[size] = next;
    return all;
  }

  /** Adds {@code source[from .. to)}. */
  void add(int[] source, int from, int to) {
    grow(size + to - from);
    System.arraycopy(source, from, ids, size, to - from);
    size += to - from;
  }

  void truncate(int length) {
    size = Math.min(size, length);
  }

  /** How many tokens both begin with. */
  int commonPrefix(int[] other) {
    int mismatch = Arrays.mismatch(ids, 0, size, other, 0, other.length);
    return mismatch < 0 ? size : mismatch;
  }

  private void grow(int needed) {
    if (needed > ids.length) {
      ids = Arrays.copyOf(ids, Math.max(needed, ids.length + (ids.length >> 1)));
    }
  }
}

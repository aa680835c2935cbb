package io.pariskv.backend.host;

import java.util.BitSet;

/** Hands out the lowest free of a fixed number of slots. */
final class Slots {
  private final BitSet taken = new BitSet();
  private final int count;

  Slots(int count) {
    if (count < 1) {
      throw new IllegalArgumentException("slots " + count + " must be at least 1");
    }
    this.count = count;
  }

  int count() {
    return count;
  }

  int open() {
    int slot = taken.nextClearBit(0);
    if (slot >= count) {
      throw new IllegalStateException("all " + count + " sequences are open; close one first");
    }
    taken.set(slot);
    return slot;
  }

  void release(int slot) {
    require(slot);
    taken.clear(slot);
  }

  void require(int slot) {
    if (!taken.get(slot)) {
      throw new IllegalStateException("sequence slot " + slot + " is not open");
    }
  }
}

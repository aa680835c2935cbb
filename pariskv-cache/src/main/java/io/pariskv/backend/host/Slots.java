package io.pariskv.backend.host;

import java.util.BitSet;

/** Hands out the lowest free of a fixed number of slots. Not thread-safe. */
public final class Slots {
  private final BitSet taken = new BitSet();
  private final int count;

  /**
   * All free.
   *
   * @throws IllegalArgumentException if {@code count} is below 1
   */
  public Slots(int count) {
    if (count < 1) {
      throw new IllegalArgumentException("slots " + count + " must be at least 1");
    }
    this.count = count;
  }

  /** How many there are, taken or not. */
  public int count() {
    return count;
  }

  /**
   * Takes one.
   *
   * @throws IllegalStateException if all are taken
   */
  public int open() {
    int slot = taken.nextClearBit(0);
    if (slot >= count) {
      throw new IllegalStateException("all " + count + " sequences are open; close one first");
    }
    taken.set(slot);
    return slot;
  }

  /**
   * Gives one back.
   *
   * @throws IllegalStateException if it is not taken
   */
  public void release(int slot) {
    if (!taken.get(slot)) {
      throw new IllegalStateException("sequence slot " + slot + " is not open");
    }
    taken.clear(slot);
  }

}

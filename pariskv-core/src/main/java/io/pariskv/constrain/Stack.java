package io.pariskv.constrain;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Who called, and who called those: all ways at once in which a place may have been reached. A set of frames, each a call and the
 * stack below it, or nothing below ({@link #bottom}). Immutable; two with the same frames are one object (see {@link Automaton}),
 * so stacks below are compared by identity.
 */
@SuppressWarnings("ReferenceEquality") // equal ones are one object
final class Stack {
  static final Stack BOTTOM = new Stack(true, new Node[0], new int[0], new Stack[0]);

  /** Whether the whole form may end where this one is popped. */
  final boolean bottom;
  /** The calls that wait, ascending by id, then count. */
  final Node[] calls;
  /** Which of its repetitions each call is in, from 1. */
  final int[] counts;
  final Stack[] below;
  private final int hash;

  Stack(boolean bottom, Node[] calls, int[] counts, Stack[] below) {
    this.bottom = bottom;
    this.calls = calls;
    this.counts = counts;
    this.below = below;
    int h = Arrays.hashCode(calls) * 31 + Arrays.hashCode(counts) + (bottom ? 1 : 0);
    for (Stack stack : below) {
      h = h * 31 + stack.hash;
    }
    // Mixed, and never shifted out: those of a deep recursion differ far below only.
    int mixed = h * 0x9E3779B9;
    this.hash = mixed ^ mixed >>> 15;
  }

  /** The rule on top if it is one of those with {@link Node#separable}, else null. Then all calls are of that rule. */
  @Nullable
  Node run() {
    Node rule = calls.length == 0 ? null : calls[0].body();
    return rule == null || !rule.separable ? null : rule;
  }

  int size() {
    return calls.length;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Stack stack && stack.hash == hash && stack.bottom == bottom
        && Arrays.equals(stack.calls, calls) && Arrays.equals(stack.counts, counts)
        && stack.below.length == below.length
        && IntStream.range(0, below.length).allMatch(i -> stack.below[i] == below[i]);
  }

  @Override
  public int hashCode() {
    return hash;
  }
}

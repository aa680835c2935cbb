package io.pariskv.constrain;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * How far an answer is: all places at which it may be, each with its stack. Two with the same places are one object as long as the
 * automaton remembers them.
 */
@SuppressWarnings("ReferenceEquality") // equal stacks are one object
final class State {
  /** The places that read a byte, ascending. */
  final Node[] nodes;
  final Stack[] stacks;
  /** Whether the answer may end here. */
  final boolean complete;
  /** Which memory of the automaton it is from. */
  final int generation;
  private final int hash;
  /** When it was met last; see {@link TreeWalk}. */
  int round;
  /** {@code [256]} the states after each byte, as far as known. */
  @Nullable
  State @Nullable [] next;

  State(Node[] nodes, Stack[] stacks, boolean complete, int generation) {
    this.nodes = nodes;
    this.stacks = stacks;
    this.complete = complete;
    this.generation = generation;
    int h = Arrays.hashCode(nodes);
    for (Stack stack : stacks) {
      h = h * 31 + stack.hashCode();
    }
    this.hash = 2 * h + (complete ? 1 : 0);
  }

  /** How many places there are, and stack frames on top. */
  int width() {
    int width = nodes.length;
    for (Stack stack : stacks) {
      width += stack.size();
    }
    return width;
  }

  /** Whether nothing can come of it. */
  boolean dead() {
    return nodes.length == 0 && !complete;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    if (!(other instanceof State state) || state.hash != hash || state.complete != complete
        || !Arrays.equals(state.nodes, nodes)) {
      return false;
    }
    for (int i = 0; i < stacks.length; i++) {
      if (state.stacks[i] != stacks[i]) {
        return false;
      }
    }
    return true;
  }

  @Override
  public int hashCode() {
    return hash;
  }
}

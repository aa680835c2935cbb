package io.pariskv.constrain;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A place in a {@link Grammar}: what may come there, in any of its ways. It may read one byte ({@link #edges}), go on
 * elsewhere without reading ({@link #epsilons}), call a rule a number of times ({@link #body}), or be the end of the rule that it
 * is in ({@link #end}). Changed only while its grammar is being made.
 */
final class Node implements Comparable<Node> {
  /** No upper limit of a repetition. */
  static final int UNLIMITED = Integer.MAX_VALUE;

  /**
   * Reads a byte.
   *
   * @param from the first byte, as 0 to 255
   * @param to the last, inclusive
   */
  record Edge(int from, int to, Node target) {
  }

  final int id;
  final List<Edge> edges = new ArrayList<>(1);
  final List<Node> epsilons = new ArrayList<>(0);
  boolean end;
  /** Whether this is a rule of which no text is the beginning of another, so that one after another are told apart in one way only. */
  boolean separable;
  /** The rule to call {@link #min} to {@link #max} times, one call after another, before going on at {@link #after}. */
  @Nullable
  Node body;
  @Nullable
  Node after;
  int min;
  int max;

  Node(int id) {
    this.id = id;
  }

  /** Adds an edge; gives this node. */
  Node on(int from, int to, Node target) {
    edges.add(new Edge(from, to, target));
    return this;
  }

  /** Adds an edge for each of these ASCII characters; gives this node. */
  Node on(String characters, Node target) {
    characters.chars().forEach(c -> on(c, c, target));
    return this;
  }

  /** Adds edges to the targets by byte, null for none; gives this node. */
  Node on(@Nullable Node[] targets) {
    int from = 0;
    while (from < targets.length) {
      Node target = targets[from];
      int to = from;
      while (to + 1 < targets.length && targets[to + 1] == target) {
        to++;
      }
      if (target != null) {
        on(from, to, target);
      }
      from = to + 1;
    }
    return this;
  }

  /** May go on there without reading; gives this node. */
  Node or(Node target) {
    epsilons.add(target);
    return this;
  }

  Node body() {
    return Objects.requireNonNull(body, "not a call");
  }

  Node after() {
    return Objects.requireNonNull(after, "not a call");
  }

  /** Whether nothing is left to do after one call, so that the caller need not be remembered. */
  boolean isTailCall() {
    return max == 1 && after().isOnlyEnd();
  }

  private boolean isOnlyEnd() {
    return end && edges.isEmpty() && epsilons.isEmpty() && body == null;
  }

  @Override
  public int compareTo(Node other) {
    return Integer.compare(id, other.id);
  }
}

package io.pariskv.constrain;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Which places of a grammar lead to the end of their rule, and the removal of those that do not. */
final class Liveness {
  private Liveness() {
  }

  /**
   * The ids of the places from which the end of the rule can be reached.
   *
   * @param bytes those that can be read; with none, places that may end at once
   */
  static BitSet live(Grammar grammar, BitSet bytes) {
    List<Node> nodes = grammar.nodes();
    int[] count = new int[nodes.size() + 1];
    nodes.forEach(node -> needs(node, other -> count[other.id + 1]++));
    Arrays.parallelPrefix(count, Integer::sum);
    int[] next = count.clone();
    int[] neededBy = new int[count[nodes.size()]];
    nodes.forEach(node -> needs(node, other -> neededBy[next[other.id]++] = node.id));
    BitSet live = new BitSet();
    Deque<Node> work = new ArrayDeque<>(nodes);
    while (!work.isEmpty()) {
      Node node = work.remove();
      if (!live.get(node.id) && leadsOn(node, live, bytes)) {
        live.set(node.id);
        for (int i = count[node.id]; i < count[node.id + 1]; i++) {
          work.add(nodes.get(neededBy[i]));
        }
      }
    }
    return live;
  }

  /** The places of which a place leads on if they do. */
  private static void needs(Node node, Consumer<Node> other) {
    node.edges.forEach(edge -> other.accept(edge.target()));
    node.epsilons.forEach(other);
    if (node.body != null) {
      other.accept(node.body());
      other.accept(node.after());
    }
  }

  private static boolean leadsOn(Node node, BitSet live, BitSet bytes) {
    if (node.end) {
      return true;
    }
    for (Node.Edge edge : node.edges) {
      if (live.get(edge.target().id) && readable(edge, bytes)) {
        return true;
      }
    }
    for (Node other : node.epsilons) {
      if (live.get(other.id)) {
        return true;
      }
    }
    return node.body != null && live.get(node.after().id)
        && (node.min == 0 || live.get(node.body().id));
  }

  private static boolean readable(Node.Edge edge, BitSet bytes) {
    int next = bytes.nextSetBit(edge.from());
    return next >= 0 && next <= edge.to();
  }

  /** Removes every way that cannot be read with these bytes or leads nowhere. */
  static void trim(Grammar grammar, BitSet live, BitSet bytes) {
    for (Node node : grammar.nodes()) {
      List<Node.Edge> edges = List.copyOf(node.edges);
      node.edges.clear();
      for (Node.Edge edge : edges) {
        if (live.get(edge.target().id)) {
          readable(node, edge, bytes);
        }
      }
      node.epsilons.removeIf(other -> !live.get(other.id));
      if (node.body != null && !(live.get(node.after().id) && live.get(node.body().id))) {
        if (node.min == 0 && live.get(node.after().id)) {
          node.or(node.after());
        }
        node.body = null;
        node.after = null;
      }
    }
  }

  /** The parts of an edge that can be read. */
  private static void readable(Node node, Node.Edge edge, BitSet bytes) {
    int from = bytes.nextSetBit(edge.from());
    while (from >= 0 && from <= edge.to()) {
      int to = Math.min(edge.to(), bytes.nextClearBit(from) - 1);
      node.on(from, to, edge.target());
      from = bytes.nextSetBit(to + 1);
    }
  }

  /** The places that can be reached from one. */
  static BitSet reachable(Node from) {
    BitSet reached = new BitSet();
    Deque<Node> work = new ArrayDeque<>(List.of(from));
    while (!work.isEmpty()) {
      Node node = work.remove();
      if (!reached.get(node.id)) {
        reached.set(node.id);
        needs(node, work::add);
      }
    }
    return reached;
  }

  /** A place that leads back to itself without reading anything, or null. */
  static @Nullable Node circular(Grammar grammar) {
    BitSet empty = live(grammar, new BitSet());
    BitSet done = new BitSet();
    BitSet open = new BitSet();
    for (Node root : grammar.nodes()) {
      Deque<Node> path = new ArrayDeque<>(List.of(root));
      while (!path.isEmpty()) {
        Node node = path.peek();
        if (done.get(node.id) || open.get(node.id)) {
          path.pop();
          open.clear(node.id);
          done.set(node.id);
          continue;
        }
        open.set(node.id);
        for (Node other : withoutReading(node, empty)) {
          if (open.get(other.id)) {
            return other;
          }
          if (!done.get(other.id)) {
            path.push(other);
          }
        }
      }
    }
    return null;
  }

  private static List<Node> withoutReading(Node node, BitSet empty) {
    if (node.body == null) {
      return node.epsilons;
    }
    List<Node> others = new ArrayList<>(node.epsilons);
    others.add(node.body());
    if (node.min == 0 || empty.get(node.body().id)) {
      others.add(node.after());
    }
    return others;
  }
}

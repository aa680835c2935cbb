package io.pariskv.constrain;

import io.pariskv.error.InputException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rules over bytes that call each other. What follows is made before what comes first: most methods take the place to go on at
 * and give the place to begin at.
 */
final class Grammar {
  /** Some 10 MB; large schemas have a few thousand. */
  static final int MAX_NODES = 100_000;

  private final List<Node> nodes = new ArrayList<>();

  /** Where every rule ends. */
  final Node end = node();

  Grammar() {
    end.end = true;
  }

  /** All places, by id. */
  List<Node> nodes() {
    return nodes;
  }

  /** A new place, from which nothing leads on yet. */
  Node node() {
    if (nodes.size() == MAX_NODES) {
      throw new InputException("the form of the answer needs more than " + MAX_NODES
          + " states, the most there may be; use fewer or shorter properties and enum values");
    }
    Node node = new Node(nodes.size());
    nodes.add(node);
    return node;
  }

  /** Any of these. */
  Node choice(Node... ways) {
    Node node = node();
    for (Node way : ways) {
      node.or(way);
    }
    return node;
  }

  /** Those bytes. */
  Node literal(byte[] bytes, Node next) {
    Node at = next;
    for (int i = bytes.length - 1; i >= 0; i--) {
      int b = bytes[i] & 0xFF;
      at = node().on(b, b, at);
    }
    return at;
  }

  /** That text. */
  Node literal(String text, Node next) {
    return literal(text.getBytes(StandardCharsets.UTF_8), next);
  }

  /** Any of these texts, in a tree by their first bytes: one place at a time however many they are. */
  Node literals(Iterable<byte[]> texts, Node next) {
    Node root = node();
    for (byte[] text : texts) {
      Node at = root;
      for (byte b : text) {
        at = child(at, b & 0xFF);
      }
      if (!at.epsilons.contains(next)) {
        at.or(next);
      }
    }
    return root;
  }

  private Node child(Node at, int b) {
    for (Node.Edge edge : at.edges) {
      if (edge.from() == b) {
        return edge.target();
      }
    }
    Node child = node();
    at.on(b, b, child);
    return child;
  }

  /** A rule, once. */
  Node call(Node rule, Node next) {
    return repeat(rule, 1, 1, next);
  }

  /** A rule that reads at least a byte, or is called once, so many times. */
  Node repeat(Node rule, int min, int max, Node next) {
    if (max < min) {
      return node();
    }
    if (max == 0) {
      return next;
    }
    Node node = node();
    node.body = rule;
    node.after = next;
    node.min = min;
    node.max = max;
    return node;
  }

  /** So many of the characters that {@code on} adds edges for: for short counts, each with a place of its own. */
  Node some(String characters, int min, int max, Node next) {
    Node at = next;
    for (int i = max; i > 0; i--) {
      Node more = node().on(characters, at);
      at = i > min ? more.or(next) : more;
    }
    return at;
  }

  /**
   * One character of valid UTF-8, from a place that has other ways too.
   *
   * @param targets where each ASCII character leads, null for those that may not come
   * @param other where any other character leads
   */
  void character(Node from, @Nullable Node[] targets, Node other) {
    Node[] within = within(other);
    @Nullable
    Node[] first = new Node[256];
    System.arraycopy(targets, 0, first, 0, 0x80);
    for (int b = 0x80; b < 256; b++) {
      int next = Utf8.next(0, b);
      first[b] = next < 0 ? null : within[next];
    }
    from.on(first);
  }

  /** Places within a character, by the state of {@link Utf8}: the first is where all lead to. */
  Node[] within(Node next) {
    Node[] within = new Node[Utf8.STATES];
    within[0] = next;
    for (int state = 1; state < Utf8.STATES; state++) {
      within[state] = node();
    }
    for (int state = 1; state < Utf8.STATES; state++) {
      @Nullable
      Node[] then = new Node[256];
      for (int b = 0; b < 256; b++) {
        int after = Utf8.next(state, b);
        then[b] = after < 0 ? null : within[after];
      }
      within[state].on(then);
    }
    return within;
  }
}

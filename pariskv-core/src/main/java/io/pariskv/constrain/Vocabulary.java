package io.pariskv.constrain;

import io.pariskv.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/**
 * The tokens of a model as bytes, and as a tree by their first bytes. Nodes of the tree are numbered such that each comes before those
 * below it, which follow it directly; node 0 is the root. Some 10 MB for 150,000 tokens. Immutable.
 */
final class Vocabulary {
  private static final byte[] NONE = {};

  /** Rows of the model's logits. */
  final int size;
  /** Tokens that end a turn, ascending. */
  final int[] ends;
  /** {@code [size]} what each token adds in the middle of a text; empty where it may not come at all. */
  private final byte[][] bytes;
  /** Tokens that add something else at the start of a text, and what. */
  final int[] otherAtStart;
  private final byte[][] bytesAtStart;
  /** The bytes that tokens consist of, and those that have a token of their own. */
  final BitSet used = new BitSet();
  final BitSet single = new BitSet();
  /** The most bytes of a token. */
  final int longest;

  /** {@code [nodes]} the byte that leads to each node. */
  private byte[] labels = new byte[1 << 12];
  private short[] depths = new short[1 << 12];
  /** {@code [nodes]} the first node that is not below. */
  private int[] nexts = new int[1 << 12];
  /** {@code [nodes + 1]} where the tokens that end at each node begin in {@link #tokens}. */
  private int[] firsts = new int[1 << 12];
  private int[] tokens = {};
  private int nodes;

  Vocabulary(Tokenizer tokenizer, Set<Integer> ends, int size) {
    this.size = size;
    this.ends = ends.stream().mapToInt(Integer::intValue).sorted().toArray();
    this.bytes = new byte[size][];
    Arrays.fill(bytes, NONE);
    List<byte[]> atStart = new ArrayList<>();
    List<Integer> other = new ArrayList<>();
    int most = 0;
    for (int id = 0; id < Math.min(size, tokenizer.vocabularySize()); id++) {
      if (!ends.contains(id)) {
        bytes[id] = tokenizer.tokenBytes(id, false);
      }
      byte[] first = bytes[id].length == 0 ? NONE : tokenizer.tokenBytes(id, true);
      if (!Arrays.equals(first, bytes[id])) {
        other.add(id);
        atStart.add(first);
      }
      for (byte b : bytes[id]) {
        used.set(b & 0xFF);
      }
      if (bytes[id].length == 1) {
        single.set(bytes[id][0] & 0xFF);
      }
      most = Math.max(most, bytes[id].length);
    }
    this.longest = most;
    this.otherAtStart = other.stream().mapToInt(Integer::intValue).toArray();
    this.bytesAtStart = atStart.toArray(byte[][]::new);
    plant();
  }

  /** What a token adds, nothing where it may not come. */
  byte[] bytes(int token, boolean first) {
    int other = first ? Arrays.binarySearch(otherAtStart, token) : -1;
    return other >= 0 ? bytesAtStart[other] : bytes[token];
  }

  boolean isEnd(int token) {
    return Arrays.binarySearch(ends, token) >= 0;
  }

  /** The byte that leads to a node, as 0 to 255. */
  int label(int node) {
    return labels[node] & 0xFF;
  }

  /** How many bytes lead to a node. */
  int depth(int node) {
    return depths[node];
  }

  /** The first node that is not below this one. */
  int end(int node) {
    return nexts[node];
  }

  /** Sets the bits of the tokens that are what leads to a node. */
  void mark(int node, int[] bits) {
    for (int i = firsts[node]; i < firsts[node + 1]; i++) {
      bits[tokens[i] >> 5] |= 1 << tokens[i];
    }
  }

  /** The tokens that are what leads to a node. */
  int[] tokens(int node) {
    return Arrays.copyOfRange(tokens, firsts[node], firsts[node + 1]);
  }

  /** Sets the bits of the tokens of one byte from one to another, inclusive. */
  void markSingle(int from, int to, int[] bits) {
    for (int node = 1; node < nodes; node = nexts[node]) {
      if (label(node) >= from && label(node) <= to) {
        mark(node, bits);
      }
    }
  }

  private void plant() {
    Integer[] sorted = new Integer[size];
    Arrays.setAll(sorted, id -> id);
    sorted = Arrays.stream(sorted).filter(id -> bytes[id].length > 0)
        .sorted(Comparator.comparing((Integer id) -> bytes[id], Arrays::compareUnsigned))
        .toArray(Integer[]::new);
    tokens = Arrays.stream(sorted).mapToInt(Integer::intValue).toArray();
    int[] path = new int[longest + 1];
    byte[] before = NONE;
    add(0, 0, 0);
    for (int i = 0; i < tokens.length; i++) {
      byte[] token = bytes[tokens[i]];
      int common = Arrays.mismatch(before, token);
      if (common >= 0) {
        for (int depth = before.length; depth > common; depth--) {
          nexts[path[depth]] = nodes;
        }
        for (int depth = common; depth < token.length; depth++) {
          path[depth + 1] = nodes;
          add(token[depth], depth + 1, i);
        }
      }
      before = token;
    }
    for (int depth = before.length; depth >= 0; depth--) {
      nexts[path[depth]] = nodes;
    }
    firsts = Arrays.copyOf(firsts, nodes + 1);
    firsts[nodes] = tokens.length;
  }

  private void add(int label, int depth, int firstToken) {
    if (nodes == labels.length) {
      labels = Arrays.copyOf(labels, 2 * nodes);
      depths = Arrays.copyOf(depths, 2 * nodes);
      nexts = Arrays.copyOf(nexts, 2 * nodes);
      firsts = Arrays.copyOf(firsts, 2 * nodes);
    }
    labels[nodes] = (byte) label;
    depths[nodes] = (short) depth;
    firsts[nodes] = firstToken;
    nodes++;
  }
}

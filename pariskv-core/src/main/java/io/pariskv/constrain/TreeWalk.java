package io.pariskv.constrain;

import java.util.Arrays;

/**
 * Reads the tree of tokens from states of an automaton, with a limit to the work: forms may be made such that they are read in
 * thousands of ways at once. Work is counted as if nothing were known from before, so it is the same whenever it is done.
 */
final class TreeWalk {
  /** Some 0.2 s. A free string takes a fiftieth with 128,000 tokens. */
  private static final long MAX_WORK = 1 << 24;
  /** Of a state that is met first, for itself and for each place and stack frame, in nodes of the tree. */
  private static final int STATE_WORK = 512;
  private static final int PLACE_WORK = 64;

  private final Vocabulary vocabulary;
  private final Automaton automaton;
  private final State[] path;
  private final int[] ended;
  private long work;
  private int round;

  TreeWalk(Vocabulary vocabulary, Automaton automaton) {
    this.vocabulary = vocabulary;
    this.automaton = automaton;
    this.path = new State[vocabulary.longest + 1];
    this.ended = new int[vocabulary.longest + 1];
  }

  /** Nothing has been done, no state been met. */
  void restart() {
    work = 0;
    round++;
  }

  /** Adds work done elsewhere; states met there count as not met here. */
  void add(long more) {
    work += more;
    round++;
  }

  /** Whether no more is done. */
  boolean exhausted() {
    return work > MAX_WORK;
  }

  /** Whether the state was met, or its work was counted now. */
  private State met(State state) {
    if (state.round != round) {
      state.round = round;
      work += STATE_WORK + PLACE_WORK * state.width();
    }
    return state;
  }

  private State step(State from, int node) {
    work++;
    return met(automaton.next(from, vocabulary.label(node)));
  }

  /** What may follow at a place that is called once. */
  Inside.Plain plain(Node place) {
    long before = work;
    restart();
    int[] bits = new int[(vocabulary.size + 31) >> 5];
    int[] leaving = below(0, automaton.at(place), bits);
    Inside.Plain plain = Inside.Plain.of(bits, leaving, work);
    work = before;
    return plain;
  }

  /** Sets the bits of a token that goes on from a state with the last byte of a node, and of those below. */
  void from(int node, State state, int[] bits) {
    State next = step(met(state), node);
    if (!next.dead()) {
      vocabulary.mark(node, bits);
      below(node, next, bits);
    }
  }

  /** Sets the bits of the tokens below a node whose bytes can be read; gives the nodes where the form is complete. */
  int[] below(int root, State state, int[] bits) {
    Ints complete = new Ints();
    int above = vocabulary.depth(root) + 1;
    path[0] = met(state);
    int node = root + 1;
    int end = vocabulary.end(root);
    while (node < end && !exhausted()) {
      int depth = vocabulary.depth(node) - above;
      State next = step(path[depth], node);
      if (next.dead()) {
        node = vocabulary.end(node);
        continue;
      }
      path[depth + 1] = next;
      vocabulary.mark(node, bits);
      if (next.complete) {
        complete.add(node);
      }
      node++;
    }
    return complete.toArray();
  }

  /** What may follow at a place in a rule that is repeated. */
  Inside.Run run(Node place, Node rule) {
    long before = work;
    restart();
    State again = automaton.start(rule);
    Ints tokens = new Ints();
    Ints begun = new Ints();
    Ints exits = new Ints();
    Ints endedBefore = new Ints();
    path[0] = met(automaton.at(place));
    int node = 1;
    while (node < vocabulary.end(0) && !exhausted()) {
      int depth = vocabulary.depth(node) - 1;
      State next = step(path[depth], node);
      if (next.dead()) {
        if (ended[depth] > 0 && path[depth].equals(again)) {
          exits.add(node);
          endedBefore.add(ended[depth]);
        }
        node = vocabulary.end(node);
        continue;
      }
      path[depth + 1] = next.complete ? again : next;
      ended[depth + 1] = ended[depth] + (next.complete ? 1 : 0);
      for (int token : vocabulary.tokens(node)) {
        tokens.add(token);
        begun.add(ended[depth]);
      }
      node++;
    }
    Inside.Run run = Inside.Run.of(tokens.toArray(), begun.toArray(), exits.toArray(),
        endedBefore.toArray(), work);
    work = before;
    return run;
  }

  /** A growing array. */
  private static final class Ints {
    private int[] values = new int[8];
    private int size;

    void add(int value) {
      values = size < values.length ? values : Arrays.copyOf(values, 2 * size);
      values[size++] = value;
    }

    int[] toArray() {
      return Arrays.copyOf(values, size);
    }
  }
}

package io.pariskv.constrain;

import org.jspecify.annotations.Nullable;

/** A constraint to one form. Its answers share what is found out about tokens; calls take turns. */
final class FormConstraint implements Constraint {
  private final Vocabulary vocabulary;
  private final Automaton automaton = new Automaton();
  private final TokenMasks masks;
  private final State start;
  private int @Nullable [] startMask;

  FormConstraint(Vocabulary vocabulary, Node rule) {
    this.vocabulary = vocabulary;
    this.masks = new TokenMasks(vocabulary, automaton);
    State first = automaton.start(rule);
    // Of no generation: it would keep all states after it from being forgotten.
    this.start = new State(first.nodes, first.stacks, first.complete, -1);
  }

  @Override
  public Progress start() {
    return new Answer();
  }

  /** Which tokens may not begin an answer. Some tokenizers drop a space there. */
  private synchronized int[] startMask() {
    if (startMask == null) {
      int[] mask = masks.forbidden(automaton.current(start)).clone();
      for (int token : vocabulary.otherAtStart) {
        int bit = 1 << token;
        boolean dead = read(start, vocabulary.bytes(token, true)).dead();
        mask[token >> 5] = dead ? mask[token >> 5] | bit : mask[token >> 5] & ~bit;
      }
      startMask = mask;
    }
    return startMask;
  }

  private synchronized State read(State state, byte[] bytes) {
    State at = automaton.current(state);
    for (int i = 0; i < bytes.length && !at.dead(); i++) {
      at = automaton.next(at, bytes[i] & 0xFF);
    }
    return at;
  }

  private synchronized int[] mask(State state) {
    return masks.forbidden(state);
  }

  private synchronized State current(State state) {
    return automaton.current(state);
  }

  private final class Answer implements Progress {
    /** Null after the end of the turn. */
    private @Nullable State state = start;
    private boolean first = true;

    @Override
    public void forbid(int[] forbidden) {
      int words = (vocabulary.size + 31) >> 5;
      if (forbidden.length != words) {
        throw new IllegalArgumentException("forbidden has " + forbidden.length
            + " elements, expected " + words + " for " + vocabulary.size + " tokens");
      }
      State now = state;
      if (now == null) {
        for (int token = 0; token < vocabulary.size; token++) {
          forbidden[token >> 5] |= 1 << token;
        }
        return;
      }
      now = current(now);
      state = now;
      System.arraycopy(first ? startMask() : mask(now), 0, forbidden, 0, words);
    }

    @Override
    public void accept(int token) {
      State now = state;
      if (token < 0 || token >= vocabulary.size) {
        throw new IllegalArgumentException(
            "token " + token + ", expected 0 to " + (vocabulary.size - 1));
      }
      if (now == null) {
        throw new IllegalArgumentException("token " + token + " after the end of the turn");
      }
      if (vocabulary.isEnd(token)) {
        if (!now.complete) {
          throw new IllegalArgumentException(
              "token " + token + " ends the turn before the answer is complete");
        }
        state = null;
        return;
      }
      if (vocabulary.bytes(token, false).length == 0) {
        throw new IllegalArgumentException("token " + token + " has no text");
      }
      State then = read(now, vocabulary.bytes(token, first));
      if (then.dead()) {
        throw new IllegalArgumentException("token " + token + " may not follow here");
      }
      state = then;
      first = false;
    }
  }
}

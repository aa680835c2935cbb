package io.pariskv.constrain;

import java.util.Arrays;

/** What may follow at a place of a rule without regard to who called it. */
sealed interface Inside {

  /** What it took to find; see {@link TreeWalk}. */
  long work();

  /**
   * In a rule that is called once.
   *
   * @param tokens that do not leave it, in order if they are few, else as bits
   * @param few whether they are
   * @param leaving the nodes of the tree of tokens at which it may be left
   */
  record Plain(int[] tokens, boolean few, int[] leaving, long work) implements Inside {

    static Plain of(int[] bits, int[] leaving, long work) {
      int count = Arrays.stream(bits).map(Integer::bitCount).sum();
      if (count > bits.length) {
        return new Plain(bits, false, leaving, work);
      }
      int[] tokens = new int[count];
      int n = 0;
      for (int i = 0; i < bits.length; i++) {
        for (int rest = bits[i]; rest != 0; rest &= rest - 1) {
          tokens[n++] = 32 * i + Integer.numberOfTrailingZeros(rest);
        }
      }
      return new Plain(tokens, true, leaving, work);
    }

    void allow(int[] bits) {
      if (few) {
        for (int token : tokens) {
          bits[token >> 5] |= 1 << token;
        }
      } else {
        for (int i = 0; i < bits.length; i++) {
          bits[i] |= tokens[i];
        }
      }
    }
  }

  /**
   * In a rule that is repeated, and told apart from its next repetition in one way only: the characters of a string. How many may come
   * is not known here.
   *
   * @param tokens that do not leave the repetitions, by how many more they begin
   * @param until {@code [most begun + 1]} how many tokens begin at most so many more
   * @param exits nodes of the tree of tokens whose last byte goes on after a repetition, but not with another
   * @param ended how many repetitions end before each
   */
  record Run(int[] tokens, int[] until, int[] exits, int[] ended, long work) implements Inside {

    /**
     * Sorts the tokens.
     *
     * @param begun how many repetitions each begins beside the one it is in
     */
    static Run of(int[] tokens, int[] begun, int[] exits, int[] ended, long work) {
      int[] until = new int[Arrays.stream(begun).max().orElse(0) + 1];
      for (int more : begun) {
        until[more]++;
      }
      Arrays.parallelPrefix(until, Integer::sum);
      int[] next = until.clone();
      int[] sorted = new int[tokens.length];
      for (int i = 0; i < tokens.length; i++) {
        sorted[--next[begun[i]]] = tokens[i];
      }
      return new Run(sorted, until, exits, ended, work);
    }

    /** Those that begin at most so many more. */
    void allow(int more, int[] bits) {
      int count = until[Math.min(more, until.length - 1)];
      for (int i = 0; i < count; i++) {
        bits[tokens[i] >> 5] |= 1 << tokens[i];
      }
    }
  }
}

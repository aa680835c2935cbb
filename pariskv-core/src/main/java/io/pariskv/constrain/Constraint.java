package io.pariskv.constrain;

/**
 * A form that an answer must have: every token that is chosen keeps to it, and the answer ends by itself only where it is
 * complete. One that is cut by its limit of tokens is the beginning of such an answer. Immutable; any thread.
 */
public interface Constraint {

  /** An answer of which there is nothing yet. */
  Progress start();

  /** How far one answer is. One thread at a time. */
  interface Progress {

    /**
     * Which tokens may not follow. At least one may, except after the end-of-turn token.
     *
     * @param forbidden {@code [ceil(vocabulary / 32)]}, all zero before; bit {@code t & 31} of element {@code t >> 5} is set
     *     if token {@code t} may not follow
     */
    void forbid(int[] forbidden);

    /**
     * A token was chosen.
     *
     * @throws IllegalArgumentException if it may not follow
     */
    void accept(int token);
  }
}

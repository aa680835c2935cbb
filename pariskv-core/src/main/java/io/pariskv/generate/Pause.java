package io.pariskv.generate;

/**
 * What is asked between the layers of a prompt's pass, when those before are computed: passes over a long context take
 * seconds. Decode steps of other sequences may run meanwhile.
 */
@FunctionalInterface
public interface Pause {
  /** In place of a number of layers: the pass is given up, and the sequence is then as before. */
  int GIVE_UP = 0;

  /**
   * Layers are computed.
   *
   * @param layers how many, 0 before the first
   * @return after how many more to ask again, or {@link #GIVE_UP}; a GPU has nothing to do for some microseconds each time
   */
  int after(int layers);
}

package io.pariskv.app.bench;

import java.util.Arrays;

/** How much of what a step selects the step before had selected too, mean over steps and KV heads. */
final class SelectionOverlap {
  private int[][] last = {};
  private long selected;
  private long again;

  /**
   * Takes the next step.
   *
   * @param heads the positions of each KV head, ascending; always as many heads
   */
  void next(int[][] heads) {
    for (int head = 0; head < last.length; head++) {
      int[] before = last[head];
      selected += heads[head].length;
      again += Arrays.stream(heads[head]).filter(p -> Arrays.binarySearch(before, p) >= 0).count();
    }
    last = heads;
  }

  /** The share, 0 if there was nothing. */
  double mean() {
    return selected == 0 ? 0 : (double) again / selected;
  }
}

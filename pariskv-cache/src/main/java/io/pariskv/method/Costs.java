package io.pariskv.method;

import io.pariskv.kv.KvShape;

/** Counts what a step reads. */
final class Costs {
  private Costs() {
  }

  /**
   * The cost of attending {@code attended} tokens in layers that see everything and at most the window
   * in the others.
   *
   * @param summaryBytesPerLayer bytes of summaries read in a layer that sees everything
   */
  static StepCost attended(KvShape shape, int held, int attended, long summaryBytesPerLayer) {
    long tokens = 0;
    long summaries = 0;
    for (int layer = 0; layer < shape.layers(); layer++) {
      int window = shape.window(layer);
      tokens += window > 0 ? Math.min(window, held) : attended;
      summaries += window > 0 ? 0 : summaryBytesPerLayer;
    }
    return new StepCost((double) tokens / shape.layers(), held, tokens * shape.tokenBytes(),
        summaries);
  }
}

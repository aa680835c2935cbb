package io.pariskv.method;

import io.pariskv.kv.KvShape;
import java.util.function.IntFunction;

/** Counts what a step reads. */
final class Costs {
  private Costs() {
  }

  /**
   * What a step reads in a layer that sees everything.
   *
   * @param attended tokens in the softmax of one head
   * @param readTokens tokens whose K and V are read in one KV head
   * @param summaryBytes bytes of summaries read
   */
  record Layer(int attended, double readTokens, long summaryBytes) {
  }

  /**
   * The cost of attending {@code attended} tokens in layers that see everything and at most the window
   * in the others.
   *
   * @param summaryBytesPerLayer bytes of summaries read in a layer that sees everything
   */
  static StepCost attended(KvShape shape, int held, int attended, long summaryBytesPerLayer) {
    return of(shape, held, layer -> new Layer(attended, attended, summaryBytesPerLayer));
  }

  /** The cost of layers that differ; {@code layers} is asked about those that see everything. */
  static StepCost of(KvShape shape, int held, IntFunction<Layer> layers) {
    long attended = 0;
    double read = 0;
    long summaries = 0;
    for (int i = 0; i < shape.layers(); i++) {
      int window = Math.min(shape.window(i), held);
      Layer layer = window > 0 ? new Layer(window, window, 0) : layers.apply(i);
      attended += layer.attended;
      read += layer.readTokens;
      summaries += layer.summaryBytes;
    }
    return new StepCost((double) attended / shape.layers(), held,
        Math.round(read * shape.tokenBytes()), summaries);
  }
}

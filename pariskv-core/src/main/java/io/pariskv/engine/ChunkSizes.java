package io.pariskv.engine;

import io.pariskv.model.ModelConfig;

/**
 * How many tokens of a prompt a pass takes. Deep in a long prompt a token attends more, so fewer tokens take as long:
 * what other streams wait for stays about the same. It is the same whatever else the engine does, and so then are the
 * answers.
 *
 * @param most at the start of a prompt
 * @param least anywhere
 * @param evenAt the position at which a token's attention takes as long as its linear layers
 */
record ChunkSizes(int most, int least, double evenAt) {
  /** Kernels work on so many rows at a time. */
  private static final int ROWS = 16;

  /** Part of a chunk that is worth copying. */
  private static final int LEAST_COPIED = 16;

  /** Operations of linear layers in the time of one of attention, as measured on an H100. */
  private static final double LINEAR_SPEED = 2;

  /** @param offloaded whether every pass brings all rows before it over the bus, so that short ones cost most */
  static ChunkSizes of(ModelConfig model, int most, boolean offloaded) {
    double attention = 4.0 * model.heads() * model.headDim();
    double linear = 2.0 * model.hiddenSize() * (3.0 * model.intermediateSize()
        + 2.0 * (model.heads() + model.kvHeads()) * model.headDim());
    return new ChunkSizes(most, Math.max(1, offloaded ? most / 2 : most / 8),
        linear / (LINEAR_SPEED * attention));
  }

  /** Fewest tokens that are copied from another sequence instead: with fewer, nothing is gained. */
  int leastCopied() {
    return Math.max(1, most / LEAST_COPIED);
  }

  /** Tokens of the pass that begins at a position. */
  int at(int position) {
    int rows = Math.max(least, (int) (most * evenAt / (evenAt + position)));
    return rows > ROWS ? rows / ROWS * ROWS : rows;
  }
}

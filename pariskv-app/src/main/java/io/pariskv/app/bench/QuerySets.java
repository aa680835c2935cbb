package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.memory.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/**
 * Queries of decode steps that follow one another, as normal numbers: each set is the one before, so much
 * correlated, and noise. With one set for all steps every step would select the same rows, and find them wherever
 * the step before had left them.
 */
final class QuerySets {
  private final Backend backend;
  private final Buffer q;
  private final float[][] sets;
  private int next;

  /**
   * The sets for {@code q}.
   *
   * @param count after so many the first follows again
   * @param correlation of a number with the one in its place in the next set, 0 to 1
   */
  QuerySets(Backend backend, Buffer q, int count, double correlation, long seed) {
    this.backend = backend;
    this.q = q;
    this.sets = new float[count][Math.toIntExact(q.shape().elements())];
    SplittableRandom random = new SplittableRandom(seed);
    double noise = Math.sqrt(1 - correlation * correlation);
    for (int set = 0; set < count; set++) {
      for (int i = 0; i < sets[set].length; i++) {
        double fresh = random.nextGaussian();
        sets[set][i] = (float) (set == 0 ? fresh : correlation * sets[set - 1][i] + noise * fresh);
      }
    }
  }

  /** How many. */
  int count() {
    return sets.length;
  }

  /** The first set comes next. */
  void restart() {
    next = 0;
  }

  /** Writes the next set, in stream order. */
  void next() {
    backend.upload(MemorySegment.ofArray(sets[next]), q);
    next = (next + 1) % sets.length;
  }
}

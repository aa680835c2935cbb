package io.pariskv.testing;

import java.util.random.RandomGenerator;

/** Distributions of keys, values and queries: what models make, and what breaks code. */
public enum RandomKv {
  /** Independent normal numbers. */
  NORMAL,
  /** All keys equal, so that every score is a tie. */
  EQUAL,
  /** All keys zero. */
  ZERO,
  /** One key a million times larger than the others. */
  ONE_HUGE,
  /** Norms over three orders of magnitude. */
  SPREAD_NORMS,
  /** Two channels twenty times as strong as the others. */
  OUTLIER_CHANNELS,
  /** Keys around one mean and slowly drifting, as in a language model. */
  COMMON_MEAN;

  /** Keys, {@code [tokens][heads][headDim]}. */
  public float[] keys(RandomGenerator random, int tokens, int heads, int headDim) {
    int width = heads * headDim;
    float[] keys = normal(random, tokens * width);
    float[] one = normal(random, width);
    int huge = random.nextInt(Math.max(1, tokens));
    for (int token = 0; token < tokens; token++) {
      double norm = Math.exp(1.5 * random.nextGaussian());
      for (int i = 0; i < width; i++) {
        int at = token * width + i;
        keys[at] = (float) switch (this) {
          case NORMAL -> keys[at];
          case EQUAL -> one[i];
          case ZERO -> 0;
          case ONE_HUGE -> keys[at] * (token == huge ? 1e6 : 1);
          case SPREAD_NORMS -> keys[at] * norm;
          case OUTLIER_CHANNELS -> keys[at] * (i % headDim % 13 == 3 && i % headDim < 20 ? 20 : 1);
          case COMMON_MEAN -> 2 * one[i] + keys[at] + 0.5 * one[width - 1 - i] * token / tokens;
        };
      }
    }
    return keys;
  }

  /** Normal numbers, for values, queries and activations. */
  public static float[] normal(RandomGenerator random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}

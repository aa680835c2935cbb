package io.pariskv.retrieve;

import io.pariskv.index.KeyIndex;
import org.jspecify.annotations.Nullable;

/**
 * How much of a retrieval zone one step looks at, as a function of the zone's length alone.
 *
 * @param k keys attended, or the most of them if there is a share
 * @param candidateRatio share of the keys that are reranked (the paper's beta), or null for {@code candidates}
 * @param collisionRatio share of the keys that the tiers cover (the paper's rho), or null for the table
 * @param candidates how many keys are reranked if no share is given
 * @param share of what the candidates contribute, by weight and norm of the value as estimated: as few keys are attended as
 *     have it, see {@link AdaptiveTopK}; null to attend {@code k} in any case
 */
public record RetrievalBudget(int k, @Nullable Double candidateRatio,
    @Nullable Double collisionRatio, Candidates candidates, @Nullable Double share) {

  /** How many keys are reranked. */
  public enum Candidates {
    /** The published table's share of the keys. */
    PUBLISHED,

    /**
     * The geometric mean of {@code k} and the number of keys: four times the keys take twice the candidates for the
     * same recall.
     */
    GEOMETRIC_MEAN
  }

  /** A row of the published table: ratios for zones shorter than {@code below}. */
  private record Row(int below, double candidateRatio, double collisionRatio) {
  }

  private static final Row[] TABLE = {new Row(5_000, 0.50, 0.50), new Row(10_000, 0.25, 0.30),
      new Row(30_000, 0.20, 0.25), new Row(Integer.MAX_VALUE, 0.10, 0.20)};

  /** Shares of the collision ratio at which a tier ends, for weights 6, 5, 4, 3, 2, 1. */
  private static final double[] TIER_SHARES = {0.05, 0.15, 0.30, 0.50, 0.75, 1.0};

  /** With as many candidates as published, if no share is given. */
  public RetrievalBudget(int k, @Nullable Double candidateRatio, @Nullable Double collisionRatio) {
    this(k, candidateRatio, collisionRatio, Candidates.PUBLISHED);
  }

  /** With {@code k} keys in any case. */
  public RetrievalBudget(int k, @Nullable Double candidateRatio, @Nullable Double collisionRatio,
      Candidates candidates) {
    this(k, candidateRatio, collisionRatio, candidates, null);
  }

  /** Checks {@code k >= 1} and ratios in (0, 1]. */
  public RetrievalBudget {
    if (k < 1) {
      throw new IllegalArgumentException("k " + k + " must be at least 1");
    }
    requireRatio("candidate-ratio", candidateRatio);
    requireRatio("collision-ratio", collisionRatio);
    requireRatio("adaptive", share);
  }

  private static void requireRatio(String name, @Nullable Double ratio) {
    if (ratio != null && !(ratio > 0 && ratio <= 1)) {
      throw new IllegalArgumentException(name + " " + ratio + " must be above 0 and at most 1");
    }
  }

  /** The same for as few keys as have {@code other} of what the candidates contribute; null for {@code k} of them. */
  public RetrievalBudget withShare(@Nullable Double other) {
    return new RetrievalBudget(k, candidateRatio, collisionRatio, candidates, other);
  }

  /** Candidates of a zone of {@code keys} keys. */
  public int candidates(int keys) {
    if (candidateRatio != null) {
      return ceil(keys * candidateRatio);
    }
    return switch (candidates) {
      case PUBLISHED -> ceil(keys * row(keys).candidateRatio);
      case GEOMETRIC_MEAN -> Math.min(keys, (int) Math.ceil(Math.sqrt((double) k * keys)));
    };
  }

  /** The budget row of a zone of {@code keys} keys; see {@link KeyIndex#BUDGET_FIELDS}. */
  public int[] fields(int keys) {
    int[] fields = new int[KeyIndex.BUDGET_FIELDS];
    double rho = collisionRatio != null ? collisionRatio : row(keys).collisionRatio;
    fields[0] = keys;
    fields[1] = candidates(keys);
    fields[2] = Math.min(k, fields[1]);
    for (int i = 0; i < TIER_SHARES.length; i++) {
      fields[3 + i] = ceil(keys * rho * TIER_SHARES[i]);
    }
    return fields;
  }

  private static Row row(int keys) {
    for (Row row : TABLE) {
      if (keys < row.below) {
        return row;
      }
    }
    return TABLE[TABLE.length - 1];
  }

  /** Rounds up, but forgives what binary fractions add to a whole number. */
  private static int ceil(double value) {
    return (int) Math.ceil(value - 1e-9 * Math.max(1, value));
  }
}

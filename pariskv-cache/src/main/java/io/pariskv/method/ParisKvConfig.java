package io.pariskv.method;

import io.pariskv.error.InputException;
import io.pariskv.index.Coarse;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;

/**
 * Settings of ParisKV.
 *
 * @param zones which tokens every step attends, and when the others are summarised
 * @param budget candidates and selected keys of a step
 * @param coarse what the first look at all keys adds up
 * @param grouping how the query heads of a group choose keys
 */
public record ParisKvConfig(ZoneSettings zones, RetrievalBudget budget, Coarse coarse,
    Grouping grouping) {

  private static final String PRESETS = "paper, sharp, ruler, gpqa, throughput, released, matched";

  /** With tiers and for the mean query of a group, as published. */
  public ParisKvConfig(int sink, int local, int updateInterval, int denseBelow,
      RetrievalBudget budget) {
    this(new ZoneSettings(sink, local, updateInterval, denseBelow), budget, Coarse.TIERS,
        Grouping.MEAN);
  }

  /**
   * The published settings for LongBench-v2 and GPQA: sink 64, local window 256, k 100, update interval
   * 512, dense below 2,000.
   */
  public static ParisKvConfig paper() {
    return new ParisKvConfig(64, 256, 512, 2_000, new RetrievalBudget(100, null, null));
  }

  /**
   * Ours: scores of centroids times norms instead of tiers, keys measured from their mean, and fewer candidates: the
   * geometric mean of the keys there are and those attended.
   */
  public static ParisKvConfig sharp() {
    return new ParisKvConfig(ZoneSettings.matched(),
        new RetrievalBudget(100, null, null, RetrievalBudget.Candidates.GEOMETRIC_MEAN),
        Coarse.SCORES, Grouping.MEAN);
  }

  /** The published settings for RULER: as {@link #paper} with k 2,048. */
  public static ParisKvConfig ruler() {
    return paper().withBudget(new RetrievalBudget(2_048, null, null));
  }

  /** The published launch script for GPQA: local window 128, rho 0.30, beta 0.12. */
  public static ParisKvConfig gpqa() {
    return new ParisKvConfig(64, 128, 512, 2_000, new RetrievalBudget(100, 0.12, 0.30));
  }

  /** The published throughput script: sink 128, local window 512. */
  public static ParisKvConfig throughput() {
    return new ParisKvConfig(128, 512, 512, 2_000, new RetrievalBudget(100, null, null));
  }

  /**
   * The preset of that name, one of {@code paper, sharp, ruler, gpqa, throughput}; or {@code released} or {@code
   * matched}, as other methods have them: both are {@code paper}, since the others are matched with it.
   */
  public static ParisKvConfig preset(String name) {
    return switch (name) {
      case "paper", "released", "matched" -> paper();
      case "sharp" -> sharp();
      case "ruler" -> ruler();
      case "gpqa" -> gpqa();
      case "throughput" -> throughput();
      default -> throw new InputException(
          "preset '" + name + "' is not known; choose one of " + PRESETS);
    };
  }

  /** These settings with another budget. */
  public ParisKvConfig withBudget(RetrievalBudget other) {
    return new ParisKvConfig(zones, other, coarse, grouping);
  }

  /** These settings with another way to choose keys for a group of heads. */
  public ParisKvConfig withGrouping(Grouping other) {
    return new ParisKvConfig(zones, budget, coarse, other);
  }
}

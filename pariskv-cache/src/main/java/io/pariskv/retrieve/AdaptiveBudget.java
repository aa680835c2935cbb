package io.pariskv.retrieve;

import io.pariskv.index.ZoneTable;
import io.pariskv.memory.Buffer;

/**
 * What {@link AdaptiveTopK} needs besides the candidates, the same in every step.
 *
 * @param share of what the candidates contribute, in 65,536ths
 * @param norms of values, from {@link io.pariskv.index.ValueNorms}
 * @param totals {@code [slots][2] i64}: keys that were selected, and how many KV heads selected
 */
public record AdaptiveBudget(int share, ZoneTable norms, Buffer totals) {

  /** Checks the share. */
  public AdaptiveBudget {
    AdaptiveTopK.requireShare(share);
  }
}

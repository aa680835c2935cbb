package io.pariskv.method;

import io.pariskv.error.InputException;
import io.pariskv.kv.TokenZones;

/** Which tokens {@link PqCache} attends in any case, and how many it selects of the others. */
public sealed interface PqBudget extends Zoning {

  /** Tokens of the sink. */
  int sink();

  /** Keys that are selected in a KV head, for a prompt of {@code tokens} tokens. */
  int k(int tokens);

  /**
   * As many tokens for every prompt.
   *
   * @param zones the zones
   * @param k keys selected in a KV head
   */
  record Tokens(ZoneSettings zones, int k) implements PqBudget {
    /** Checks {@code k >= 1}. */
    public Tokens {
      ZoneSettings.requireAtLeast("k", k, 1);
    }

    @Override
    public int sink() {
      return zones.sink();
    }

    @Override
    public int k(int tokens) {
      return k;
    }

    @Override
    public TokenZones slide(TokenZones now, boolean prefill) {
      return zones.slide(now, prefill);
    }
  }

  /**
   * A share of the prompt behind the sink, as released: the window and the number of keys stay what they were at the
   * prompt's end, however much is generated; the window slides by every token.
   *
   * @param sink tokens at the start that every step attends
   * @param ratio share of the prompt that is attended, above 0 and at most 1
   * @param recent share of that which is the window, 0 to 1; the rest is selected
   */
  record Share(int sink, double ratio, double recent) implements PqBudget {
    /** Checks the settings; the message names the setting as the command line does, and both numbers. */
    public Share {
      ZoneSettings.requireAtLeast("sink", sink, 0);
      if (!(ratio > 0 && ratio <= 1)) {
        throw new InputException("compress-ratio " + ratio + " must be above 0 and at most 1");
      }
      if (!(recent >= 0 && recent <= 1)) {
        throw new InputException("recent-ratio " + recent + " must be from 0 to 1");
      }
    }

    /** Those of the released scripts for Llama 3.1: a sink of 32 tokens, a tenth of the prompt, half of it recent. */
    public static Share released() {
      return new Share(32, 0.1, 0.5);
    }

    @Override
    public int k(int tokens) {
      return (int) (Math.max(0, tokens - sink) * ratio * (1 - recent));
    }

    private int window(int tokens) {
      return (int) (Math.max(0, tokens - sink) * ratio * recent);
    }

    /** A step appends one token, so one leaves the window. */
    @Override
    public TokenZones slide(TokenZones now, boolean prefill) {
      if (!prefill) {
        return now.retrievalTokens() == 0
            ? now
            : new TokenZones(now.sinkEnd(), now.recentStart() + 1, now.length());
      }
      TokenZones next = TokenZones.of(now.length(), sink, window(now.length()));
      return next.recentStart() > now.recentStart() ? next : now;
    }
  }
}

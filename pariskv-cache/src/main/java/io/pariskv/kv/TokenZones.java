package io.pariskv.kv;

/**
 * The zones of one sequence: {@code [ sink | retrieval zone | recent ]}, where recent is the local
 * window followed by the update buffer. Every position below {@code length} is in exactly one zone.
 *
 * <p>Pure arithmetic. ParisKV, section 3.1.
 *
 * @param sinkEnd the sink is {@code [0, sinkEnd)}
 * @param recentStart the retrieval zone is {@code [sinkEnd, recentStart)}
 * @param length the recent tokens are {@code [recentStart, length)}
 */
public record TokenZones(int sinkEnd, int recentStart, int length) {

  /** Checks {@code 0 <= sinkEnd <= recentStart <= length}. */
  public TokenZones {
    if (sinkEnd < 0 || recentStart < sinkEnd || length < recentStart) {
      throw new IllegalArgumentException("zones 0 <= sink end " + sinkEnd + " <= recent start "
          + recentStart + " <= length " + length + " do not hold");
    }
  }

  /** Everything attended: no retrieval zone. */
  public static TokenZones dense(int length) {
    return new TokenZones(0, 0, length);
  }

  /**
   * A sink, a local window and a retrieval zone of everything between; dense if nothing is between.
   */
  public static TokenZones of(int length, int sink, int local) {
    return (long) sink + local >= length
        ? dense(length)
        : new TokenZones(sink, length - local, length);
  }

  /** The same zones after {@code tokens} more tokens, all of them in the update buffer. */
  public TokenZones appended(int tokens) {
    return new TokenZones(sinkEnd, recentStart, Math.addExact(length, tokens));
  }

  /** Tokens of the retrieval zone. */
  public int retrievalTokens() {
    return recentStart - sinkEnd;
  }

  /** Tokens that every step attends: sink, local window and update buffer. */
  public int residentTokens() {
    return length - retrievalTokens();
  }
}

package io.pariskv.engine;

/**
 * What an engine's caches hold, at one moment.
 *
 * @param keptTokens tokens of ended requests, kept for those that begin alike
 * @param gpuBytes bytes in memory of a GPU: K, V and what the method keeps about keys
 * @param hostBytes the same in host memory
 */
public record CacheStatus(long keptTokens, long gpuBytes, long hostBytes) {
  /** Empty. */
  public static final CacheStatus NONE = new CacheStatus(0, 0, 0);
}

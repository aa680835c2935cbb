package io.pariskv.engine;

/**
 * What an engine does, at one moment, and what it has done since it started.
 *
 * @param waiting requests queued
 * @param prefilling requests whose prompt is being read
 * @param decoding sequences of the decode batch
 * @param places most sequences at once
 * @param heldTokens tokens in the caches, those kept for later requests included
 * @param roomTokens tokens that all caches together may have
 * @param promptTokens prompt tokens of all requests that were started
 * @param cachedTokens those of them that were in a cache already
 * @param generatedTokens tokens chosen
 * @param ended requests that ended, cancelled ones included
 * @param failed requests that failed
 */
public record EngineStatus(int waiting, int prefilling, int decoding, int places, long heldTokens,
    long roomTokens, long promptTokens, long cachedTokens, long generatedTokens, long ended,
    long failed) {

  EngineStatus withWaiting(int now) {
    return new EngineStatus(now, prefilling, decoding, places, heldTokens, roomTokens, promptTokens,
        cachedTokens, generatedTokens, ended, failed);
  }
}

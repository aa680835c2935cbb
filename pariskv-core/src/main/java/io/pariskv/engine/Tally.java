package io.pariskv.engine;

/** What an engine does and has done: counted on its thread, read on any. */
final class Tally {
  private long promptTokens;
  private long cachedTokens;
  private long generatedTokens;
  private long ended;
  private long failed;
  private volatile EngineStatus status;
  private volatile CacheStatus caches = CacheStatus.NONE;

  Tally(int places, long roomTokens) {
    status = new EngineStatus(0, 0, 0, places, 0, roomTokens, 0, 0, 0, 0, 0);
  }

  /** As of the last {@link #publish}; nobody waits in it. */
  EngineStatus status() {
    return status;
  }

  /** As of the last {@link #publish(CacheStatus)}. */
  CacheStatus caches() {
    return caches;
  }

  void publish(CacheStatus now) {
    caches = now;
  }

  void started(int prompt, int cached) {
    promptTokens += prompt;
    cachedTokens += cached;
  }

  /** Tokens of prompts that a file had, or another sequence. */
  void copied(int tokens) {
    cachedTokens += tokens;
  }

  void generated(int tokens) {
    generatedTokens += tokens;
  }

  void ended() {
    ended++;
  }

  void failed() {
    failed++;
  }

  void publish(int prefilling, int decoding, long heldTokens) {
    status = new EngineStatus(0, prefilling, decoding, status.places(), heldTokens,
        status.roomTokens(), promptTokens, cachedTokens, generatedTokens, ended, failed);
  }
}

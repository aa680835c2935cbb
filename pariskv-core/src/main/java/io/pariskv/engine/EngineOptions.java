package io.pariskv.engine;

import io.pariskv.error.InputException;

/**
 * How an engine serves.
 *
 * @param places most sequences at once, those that are kept for later requests included
 * @param maxQueue most requests that wait for a place
 * @param chunk most prompt tokens computed between two decode steps, 0 for the model's prefill chunk; fewer make other
 *     streams wait less, and prompts take longer
 * @param keepTokens most tokens of ended requests whose K and V are kept for requests that begin with the same tokens; 0
 *     keeps none
 */
public record EngineOptions(int places, int maxQueue, int chunk, long keepTokens) {
  /** Limit of {@link #places}. */
  public static final int MAX_PLACES = 256;

  /** Checks the ranges; the message names the setting as the command line does, the number and the range. */
  public EngineOptions {
    require(places >= 1 && places <= MAX_PLACES, "places", places, "from 1 to " + MAX_PLACES);
    require(maxQueue >= 0, "max-queue", maxQueue, "at least 0");
    require(chunk >= 0, "chunk", chunk, "at least 1, or 0 for the model's prefill chunk");
    require(keepTokens >= 0, "keep-tokens", keepTokens, "at least 0");
  }

  private static void require(boolean holds, String name, long value, String range) {
    if (!holds) {
      throw new InputException(name + " " + value + " must be " + range);
    }
  }

  /** Eight places, 64 requests in the queue, 262,144 tokens kept. */
  public static EngineOptions defaults() {
    return new EngineOptions(8, 64, 0, 1 << 18);
  }

  /** These options with another number of places. */
  public EngineOptions withPlaces(int value) {
    return new EngineOptions(value, maxQueue, chunk, keepTokens);
  }

  /** These options with another queue. */
  public EngineOptions withMaxQueue(int value) {
    return new EngineOptions(places, value, chunk, keepTokens);
  }

  /** These options with another chunk. */
  public EngineOptions withChunk(int value) {
    return new EngineOptions(places, maxQueue, value, keepTokens);
  }

  /** These options keeping more or fewer tokens. */
  public EngineOptions withKeepTokens(long value) {
    return new EngineOptions(places, maxQueue, chunk, value);
  }
}

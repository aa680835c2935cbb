package io.pariskv.engine;

import io.pariskv.error.InputException;
import java.time.Duration;

/**
 * How an engine serves.
 *
 * @param places most sequences at once, those that are kept for later requests included
 * @param maxQueue most requests that wait for a place
 * @param chunk most prompt tokens of a pass, 0 for the model's prefill chunk; with fewer, short prompts wait less for long
 *     ones, and prompts take longer
 * @param keepTokens most tokens of ended requests whose K and V are kept for requests that begin with the same tokens; 0
 *     keeps none
 * @param maxStall the longest that sequences which decode wait for prompts that are read, as far as one layer of a pass
 *     does not take longer; a shorter wait makes prompts take longer, by a decode step each time
 */
public record EngineOptions(int places, int maxQueue, int chunk, long keepTokens,
    Duration maxStall) {
  /** Limit of {@link #places}. */
  public static final int MAX_PLACES = 256;

  private static final Duration LONGEST_STALL = Duration.ofHours(1);

  /** Checks the ranges; the message names the setting as the command line does, the number and the range. */
  public EngineOptions {
    require(places >= 1 && places <= MAX_PLACES, "places", places, "from 1 to " + MAX_PLACES);
    require(maxQueue >= 0, "max-queue", maxQueue, "at least 0");
    require(chunk >= 0, "chunk", chunk, "at least 1, or 0 for the model's prefill chunk");
    require(keepTokens >= 0, "keep-tokens", keepTokens, "at least 0");
    require(maxStall.isPositive() && maxStall.compareTo(LONGEST_STALL) <= 0, "max-stall-ms",
        maxStall.toMillis(), "from 1 to " + LONGEST_STALL.toMillis());
  }

  private static void require(boolean holds, String name, long value, String range) {
    if (!holds) {
      throw new InputException(name + " " + value + " must be " + range);
    }
  }

  /** Eight places, 64 requests in the queue, 262,144 tokens kept, and no wait of more than 0.1 s. */
  public static EngineOptions defaults() {
    return new EngineOptions(8, 64, 0, 1 << 18, Duration.ofMillis(100));
  }

  /** These options with another number of places. */
  public EngineOptions withPlaces(int value) {
    return new EngineOptions(value, maxQueue, chunk, keepTokens, maxStall);
  }

  /** These options with another queue. */
  public EngineOptions withMaxQueue(int value) {
    return new EngineOptions(places, value, chunk, keepTokens, maxStall);
  }

  /** These options with another chunk. */
  public EngineOptions withChunk(int value) {
    return new EngineOptions(places, maxQueue, value, keepTokens, maxStall);
  }

  /** These options keeping more or fewer tokens. */
  public EngineOptions withKeepTokens(long value) {
    return new EngineOptions(places, maxQueue, chunk, value, maxStall);
  }

  /** These options with another longest wait. */
  public EngineOptions withMaxStall(Duration value) {
    return new EngineOptions(places, maxQueue, chunk, keepTokens, value);
  }
}

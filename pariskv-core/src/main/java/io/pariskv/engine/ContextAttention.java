package io.pariskv.engine;

import io.pariskv.kv.TokenZones;
import io.pariskv.method.SelectedPlaces;
import org.jspecify.annotations.Nullable;

/**
 * What a request's decode steps attend, at one moment.
 *
 * @param state how far the request is
 * @param promptTokens tokens of its prompt
 * @param zones of the tokens in its cache
 * @param places where steps selected, if that is {@linkplain io.pariskv.method.CountedMethod counted}
 */
public record ContextAttention(State state, int promptTokens, TokenZones zones,
    @Nullable SelectedPlaces places) {

  /** How far a request is. */
  public enum State {
    /** It has no place. */
    QUEUED,
    /** Its prompt is being read. */
    PREFILL,
    /** Tokens are being chosen. */
    DECODE,
    /** It has ended; this was the last. */
    ENDED
  }

  ContextAttention ended() {
    return new ContextAttention(State.ENDED, promptTokens, zones, places);
  }
}

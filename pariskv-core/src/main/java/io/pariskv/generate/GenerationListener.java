package io.pariskv.generate;

import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Follows a generation as it goes, on the thread that runs it. Each call may end it by returning {@code
 * false}; what was computed stays in the session.
 *
 * {@snippet file="Cancel.java" region="example"}
 */
public interface GenerationListener {

  /** Follows nothing. */
  GenerationListener NONE = new GenerationListener() {
  };

  /**
   * A part of the prompt is in the cache. The first call comes before anything is computed and tells what
   * was there already; then there is one after each pass.
   *
   * @param done prompt tokens in the cache
   * @param total prompt tokens
   * @return whether to go on
   */
  default boolean onPrefill(int done, int total) {
    return true;
  }

  /**
   * A token was chosen.
   *
   * @param token its id
   * @param text what can be shown of it now: whole characters, held back while a stop string may follow;
   *     often empty
   * @return whether to go on
   */
  default boolean onToken(int token, String text) {
    return true;
  }

  /**
   * How probable a token was, before {@link #onToken} tells of the token; only if the options ask for it.
   *
   * @param logprobs of the token
   */
  default void onLogprobs(TokenLogprobs logprobs) {
    // nobody asked
  }

  /** Takes the text of an answer piece by piece: whole characters, none of them empty. */
  static GenerationListener text(Consumer<String> pieces) {
    return new GenerationListener() {
      @Override
      public boolean onToken(int token, String text) {
        if (!text.isEmpty()) {
          pieces.accept(text);
        }
        return true;
      }
    };
  }

  /** Takes how much of a prompt is in the cache; see {@link #onPrefill}. */
  @FunctionalInterface
  interface Progress {
    /**
     * A part of the prompt is in the cache.
     *
     * @param done prompt tokens in the cache
     * @param total prompt tokens
     */
    void at(int done, int total);
  }

  /** This listener, and one that is told how far the prompt is. */
  default GenerationListener withProgress(Progress progress) {
    GenerationListener first = this;
    return new GenerationListener() {
      @Override
      public boolean onPrefill(int done, int total) {
        progress.at(done, total);
        return first.onPrefill(done, total);
      }

      @Override
      public void onLogprobs(TokenLogprobs logprobs) {
        first.onLogprobs(logprobs);
      }

      @Override
      public boolean onToken(int token, String text) {
        return first.onToken(token, text);
      }
    };
  }

  /**
   * This listener, and an end as cancelled once {@code cancelled} says so, after the chunk of the prompt or the token that is being
   * computed. With an {@link java.util.concurrent.atomic.AtomicBoolean} any thread can cancel.
   */
  default GenerationListener until(BooleanSupplier cancelled) {
    GenerationListener first = this;
    return new GenerationListener() {
      @Override
      public boolean onPrefill(int done, int total) {
        return first.onPrefill(done, total) && !cancelled.getAsBoolean();
      }

      @Override
      public void onLogprobs(TokenLogprobs logprobs) {
        first.onLogprobs(logprobs);
      }

      @Override
      public boolean onToken(int token, String text) {
        return first.onToken(token, text) && !cancelled.getAsBoolean();
      }
    };
  }
}

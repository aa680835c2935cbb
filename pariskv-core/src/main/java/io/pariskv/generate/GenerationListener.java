package io.pariskv.generate;

/**
 * Follows a generation as it goes, on the thread that runs it. Each call may end it by returning {@code
 * false}; what was computed stays in the session.
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
}

package io.pariskv.text;

import io.pariskv.error.InputException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ends streamed text before the first of several stop strings, wherever its characters are split.
 *
 * <p>Text goes through at once except for the longest end of it that could begin a stop string. The
 * stop string that is complete first wins; of several complete at the same character, the longest, so
 * the cut is the earliest. The result does not depend on how the text was cut in pieces.
 *
 * <p>Costs a few operations a character and stop string. Not thread-safe; one instance a text.
 */
public final class StopStrings {
  private final List<String> stops;
  /* Knuth, Morris, Pratt: borders[s][n] is the longest proper border of the first n characters. */
  private final int[][] borders;
  /* [stops] how many characters of each stop string the text so far ends with. */
  private final int[] matched;
  private final StringBuilder held = new StringBuilder();
  private @Nullable String found;

  /**
   * @param stops the stop strings; none means that all text goes through
   * @throws InputException if one is empty
   */
  public StopStrings(List<String> stops) {
    if (stops.contains("")) {
      throw new InputException(
          "a stop string is empty; it would stop every text at once, leave it out");
    }
    this.stops = List.copyOf(stops);
    this.borders = this.stops.stream().map(StopStrings::borders).toArray(int[][]::new);
    this.matched = new int[this.stops.size()];
  }

  /** The text that can go out now. Empty once a stop string was found: whatever follows is dropped. */
  public String push(String piece) {
    if (found != null) {
      return "";
    }
    for (int i = 0; i < piece.length(); i++) {
      held.append(piece.charAt(i));
      found = advance(piece.charAt(i));
      if (found != null) {
        String before = held.substring(0, held.length() - found.length());
        held.setLength(0);
        return before;
      }
    }
    int pending = 0;
    for (int length : matched) {
      pending = Math.max(pending, length);
    }
    String out = held.substring(0, held.length() - pending);
    held.delete(0, out.length());
    return out;
  }

  /** The held back end of the text: it has ended, so nothing can complete a stop string any more. */
  public String finish() {
    String rest = held.toString();
    held.setLength(0);
    return rest;
  }

  /** The stop string that ended the text, or null so far. */
  public @Nullable String found() {
    return found;
  }

  /** Moves all matches on by one character; the longest stop string complete with it. */
  private @Nullable String advance(char c) {
    String longest = null;
    for (int s = 0; s < matched.length; s++) {
      String stop = stops.get(s);
      int n = matched[s];
      while (n > 0 && stop.charAt(n) != c) {
        n = borders[s][n];
      }
      matched[s] = n += stop.charAt(n) == c ? 1 : 0;
      if (n == stop.length() && (longest == null || n > longest.length())) {
        longest = stop;
      }
    }
    return longest;
  }

  private static int[] borders(String stop) {
    int[] borders = new int[stop.length() + 1];
    int n = 0;
    for (int i = 1; i < stop.length(); i++) {
      while (n > 0 && stop.charAt(n) != stop.charAt(i)) {
        n = borders[n];
      }
      n += stop.charAt(n) == stop.charAt(i) ? 1 : 0;
      borders[i + 1] = n;
    }
    return borders;
  }
}

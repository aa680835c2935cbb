package io.pariskv.text.jinja;

/**
 * What one template may use, so that a hostile one ends in an error and not in a hang.
 *
 * @param sourceChars the longest template source, in UTF-16 units
 * @param depth how deep expressions, blocks, macro calls and data may nest; a level takes at most 2 KiB of the
 *     thread's stack, so that the default fits half of the usual one
 * @param steps how many evaluations one render may make; long strings cost one step per 64 characters
 * @param outputChars the longest output, and the longest string on the way to it, in UTF-16 units; all
 *     strings made by one render together may have eight times as many
 * @param rangeLength the longest {@code range()}; jinja2's sandbox allows 100,000
 */
public record JinjaLimits(int sourceChars, int depth, long steps, int outputChars,
    int rangeLength) {

  /** Ample for a conversation of a million tokens: 256 Ki source, 128 levels, 16 Mi output, 20 million steps. */
  public static final JinjaLimits DEFAULT = new JinjaLimits(1 << 18, 128, 20_000_000, 1 << 24,
      100_000);

  /** Limits; all must be positive. */
  public JinjaLimits {
    if (sourceChars <= 0 || depth <= 0 || steps <= 0 || outputChars <= 0 || rangeLength <= 0) {
      throw new IllegalArgumentException(
          "every limit of a template must be positive, got sourceChars " + sourceChars
              + ", depth " + depth + ", steps " + steps + ", outputChars " + outputChars
              + ", rangeLength " + rangeLength);
    }
  }
}

package io.pariskv.eval.exam;

import io.pariskv.eval.data.Fit;
import java.util.function.ToIntFunction;

/**
 * Cuts the middle out of a text, so that its first and last tokens stay, as many of each.
 *
 * <p>Tokens can only be counted here, so both ends are searched for: within a thousandth of the limit.
 */
final class MiddleCut {
  private static final int STEP_BACK = 32;

  private MiddleCut() {
  }

  /**
   * @param text longer than the limit
   * @param limit most tokens
   * @param tokens counts those of a message, with what the template puts around it
   * @return empty at worst, never more than the limit
   */
  static String of(String text, int limit, ToIntFunction<String> tokens) {
    int around = tokens.applyAsInt("");
    int half = (limit - around) / 2 + around;
    int slack = Math.max(8, limit / 1024);
    int head = Fit.largest(0, text.length() / 2, half, slack,
        n -> tokens.applyAsInt(head(text, n))).orElse(0);
    int tail = Fit.largest(0, text.length() / 2, half, slack,
        n -> tokens.applyAsInt(tail(text, n))).orElse(0);
    String cut = head(text, head) + tail(text, tail);
    // Two ends joined may have a few tokens more than apart.
    while (tokens.applyAsInt(cut) > limit && head > 0) {
      head = Math.max(0, head - STEP_BACK);
      cut = head(text, head) + tail(text, tail);
    }
    return cut;
  }

  private static String head(String text, int length) {
    boolean splitsPair = length > 0 && Character.isHighSurrogate(text.charAt(length - 1));
    return text.substring(0, splitsPair ? length - 1 : length);
  }

  private static String tail(String text, int length) {
    int from = text.length() - length;
    boolean splitsPair = length > 0 && Character.isLowSurrogate(text.charAt(from));
    return text.substring(splitsPair ? from + 1 : from);
  }
}

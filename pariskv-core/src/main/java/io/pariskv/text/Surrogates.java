package io.pariskv.text;

/** Halves of surrogate pairs, which no UTF-8 text can hold. */
final class Surrogates {
  private Surrogates() {
  }

  static boolean hasLone(String text) {
    return firstLone(text) >= 0;
  }

  /** The text with each lone surrogate replaced by U+FFFD. */
  static String replaceLone(String text) {
    int first = firstLone(text);
    if (first < 0) {
      return text;
    }
    StringBuilder out = new StringBuilder(text.length()).append(text, 0, first);
    text.substring(first).codePoints()
        .forEach(
            c -> out.appendCodePoint(c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE
                ? Utf8Assembler.REPLACEMENT
                : c));
    return out.toString();
  }

  private static int firstLone(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        if (Character.charCount(text.codePointAt(i)) == 1) {
          return i;
        }
        i++;
      }
    }
    return -1;
  }
}

package io.pariskv.chat;

/** Marks in a text that arrives in pieces. */
final class Tags {
  private Tags() {
  }

  /** How many characters of the text's end may begin the tag. */
  static int pending(StringBuilder text, String tag) {
    for (int n = Math.min(tag.length() - 1, text.length()); n > 0; n--) {
      if (tag.startsWith(text.substring(text.length() - n))) {
        return n;
      }
    }
    return 0;
  }
}

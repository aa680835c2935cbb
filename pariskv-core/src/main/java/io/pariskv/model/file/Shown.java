package io.pariskv.model.file;

/** Text that came from a file, made fit for a one-line message. */
final class Shown {
  private static final int LONGEST = 120;

  private Shown() {
  }

  /** In quotes, control characters replaced, cut after 120 characters. */
  static String quoted(String text) {
    return '"' + plain(text) + '"';
  }

  /** As {@link #quoted} without the quotes. */
  static String plain(String text) {
    StringBuilder shown = new StringBuilder();
    for (int i = 0; i < Math.min(text.length(), LONGEST); i++) {
      char c = text.charAt(i);
      shown.append(Character.isISOControl(c) || c == '\u2028' || c == '\u2029' ? '?' : c);
    }
    return text.length() > LONGEST ? shown.append("...").toString() : shown.toString();
  }
}

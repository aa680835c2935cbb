package io.pariskv.model.file;

/** Text that came from a file, made fit for a one-line message. */
public final class Shown {
  private static final int LONGEST = 120;

  private Shown() {
  }

  /** In quotes, control characters replaced, cut after 120 characters. */
  static String quoted(String text) {
    return '"' + plain(text) + '"';
  }

  /** As {@link #quoted} without the quotes. */
  public static String plain(String text) {
    return text.length() > LONGEST ? line(text.substring(0, LONGEST)) + "..." : line(text);
  }

  /** All of it on one line: control characters replaced. */
  public static String line(String text) {
    StringBuilder shown = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      shown.append(Character.isISOControl(c) || c == '\u2028' || c == '\u2029' ? '?' : c);
    }
    return shown.toString();
  }
}

package io.pariskv.eval.report;

import io.pariskv.eval.stats.Interval;
import java.util.Locale;

/** Numbers as a report writes them. */
final class Numbers {
  private Numbers() {
  }

  /** Such as {@code 0.875 (0.529 to 0.978)}. */
  static String of(Interval interval) {
    return Double.isInfinite(interval.high())
        ? of(interval.mean())
        : of(interval.mean()) + " (" + of(interval.low()) + " to " + of(interval.high()) + ")";
  }

  /** Three significant digits or so. */
  static String of(double value) {
    double size = Math.abs(value);
    String format = size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f";
    return String.format(Locale.ROOT, format, value);
  }

  /** A length, such as {@code 16K} where it is a whole number of 1,024. */
  static String length(int tokens) {
    return tokens == 0
        ? "as it comes"
        : tokens % 1024 == 0 ? tokens / 1024 + "K" : Integer.toString(tokens);
  }

  /** Bytes with a unit. */
  static String bytes(double bytes) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (bytes >= 1024 && unit < units.length - 1) {
      bytes /= 1024;
      unit++;
    }
    return of(bytes) + " " + units[unit];
  }
}

package io.pariskv.eval.report;

import io.pariskv.eval.stats.Interval;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.function.DoubleFunction;

/** Numbers as a report writes them. */
final class Numbers {
  /** Stands where there is no number. */
  static final String NONE = "\u2013";

  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};

  private Numbers() {
  }

  /** Such as {@code 0.875 (0.529 to 0.978)}, {@code 16.0 (all equal)}; of one value without an interval. */
  static String of(Interval interval) {
    return of(interval, Numbers::of);
  }

  /** The same with numbers that are written by {@code shown}. */
  static String of(Interval interval, DoubleFunction<String> shown) {
    String mean = shown.apply(interval.mean());
    if (!interval.hasEnds()) {
      return mean;
    }
    if (interval.allEqual()) {
      return mean + " (all equal)";
    }
    String low = shown.apply(interval.low());
    String high = shown.apply(interval.high());
    return low.equals(high)
        ? mean + " (\u00b1 " + small(interval.high() / interval.mean() - 1) + ")"
        : mean + " (" + low + " to " + high + ")";
  }

  /** An interval that is narrower than its mean is written: in percent of the mean. */
  private static String small(double share) {
    return new BigDecimal(100 * share).round(new MathContext(1, RoundingMode.UP))
        .toPlainString() + "%";
  }

  /** The same with how many samples: {@code 16.0 (all equal), n = 5}. */
  static String withCount(Interval interval) {
    return of(interval) + ", n = " + interval.samples();
  }

  /** So many of {@code all} as a share with its interval, such as {@code 2 (20%, 6 to 51%)}. */
  static String share(int count, int all) {
    Interval share = Interval.wilson(count, all);
    return String.format(Locale.ROOT, "%d (%.0f%%, %.0f to %.0f%%)", count, 100 * share.mean(),
        100 * share.low(), 100 * share.high());
  }

  /** Three significant digits or so. */
  static String of(double value) {
    double size = Math.abs(value);
    String format = size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f";
    return String.format(Locale.ROOT, format, value);
  }

  /** Of an axis: without zeros at the end. */
  static String round(double value) {
    return new BigDecimal(value).round(new MathContext(4)).stripTrailingZeros().toPlainString();
  }

  /** A length, such as {@code 16K} where it is a whole number of 1,024. */
  static String length(int tokens) {
    return tokens == 0
        ? "as it comes"
        : tokens % 1024 == 0 ? tokens / 1024 + "K" : Integer.toString(tokens);
  }

  /** Bytes with a unit. */
  static String bytes(double bytes) {
    int unit = unit(bytes);
    return (unit == 0 ? Long.toString(Math.round(bytes)) : of(bytes / Math.pow(1024, unit))) + " "
        + UNITS[unit];
  }

  /** So many doubled bytes, such as {@code 64 MiB}. */
  static String powerOfTwo(int exponent) {
    double bytes = Math.pow(2, exponent);
    int unit = unit(bytes);
    return round(bytes / Math.pow(1024, unit)) + " " + UNITS[unit];
  }

  private static int unit(double bytes) {
    int unit = 0;
    while (unit < UNITS.length - 1 && bytes >= Math.pow(1024, unit + 1)) {
      unit++;
    }
    return unit;
  }
}

package io.pariskv.text.jinja;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Python's {@code int()}, {@code float()} and {@code round()}. */
final class PythonNumbers {
  /** Longer texts are refused, so that a pattern never walks far. */
  private static final int MAX_LENGTH = 400;
  private static final String DIGITS = "\\d++(?:_\\d++)*+";
  private static final Pattern REAL = Pattern.compile(
      "[+-]?(?:" + DIGITS + "(?:\\.(?:" + DIGITS + ")?+)?+|\\." + DIGITS + ")(?:[eE][+-]?" + DIGITS
          + ")?+");
  private static final Pattern SPECIAL = Pattern.compile("[+-]?(?:inf|infinity|nan)");
  private static final Pattern INTEGER = Pattern.compile("[0-9a-z]++(?:_[0-9a-z]++)*+");

  private PythonNumbers() {
  }

  /** {@code int(text, base)}, or null if the text is no such integer. */
  static @Nullable Long parseInt(String text, int base) {
    String body = prepared(text);
    boolean negative = body.startsWith("-");
    body = negative || body.startsWith("+") ? body.substring(1) : body;
    int prefix = body.length() > 1 && body.charAt(0) == '0'
        ? NumberLiteral.base(body.charAt(1))
        : 10;
    if (prefix != 10 && (base == prefix || base == 0)) {
      body = body.startsWith("_", 2) ? body.substring(3) : body.substring(2);
    }
    int radix = base != 0 ? base : prefix;
    if (!INTEGER.matcher(body).matches()
        || !body.chars().allMatch(c -> c == '_' || Character.digit(c, radix) >= 0)) {
      return null;
    }
    String digits = body.replace("_", "");
    if (base == 0 && prefix == 10 && digits.length() > 1 && digits.startsWith("0")
        && !digits.matches("0+")) {
      return null;
    }
    try {
      return Long.parseLong((negative ? "-" : "") + digits, radix);
    } catch (NumberFormatException e) {
      throw beyond64Bits();
    }
  }

  /** {@code float(text)}, or null if the text is no number. */
  static @Nullable Double parseFloat(String text) {
    String body = prepared(text);
    if (SPECIAL.matcher(body).matches()) {
      double special = body.contains("nan") ? Double.NaN : Double.POSITIVE_INFINITY;
      return body.startsWith("-") ? -special : special;
    }
    return REAL.matcher(body).matches() ? Double.valueOf(body.replace("_", "")) : null;
  }

  /** Without white space around it, with the digits of all scripts as ASCII. */
  private static String prepared(String text) {
    String body = PythonText.strip(text, null, true, true);
    if (body.length() > MAX_LENGTH) {
      throw new Problem("a number of more than " + MAX_LENGTH + " characters is not supported");
    }
    StringBuilder ascii = new StringBuilder(body.length());
    body.codePoints().forEach(
        c -> ascii.appendCodePoint(Character.isDigit(c) ? '0' + Character.digit(c, 10) : c));
    return ascii.toString().toLowerCase(Locale.ROOT);
  }

  /** {@code int(real)}; must be finite. */
  static long truncate(double real) {
    if (Double.isNaN(real) || Math.abs(real) >= 0x1p63) {
      throw beyond64Bits();
    }
    return (long) real;
  }

  private static Problem beyond64Bits() {
    return new Problem("an integer beyond 64 bits is not supported");
  }

  /** {@code round(real, precision)}: half to even on the exact binary value. */
  static double round(double real, long precision) {
    if (Double.isNaN(real) || Double.isInfinite(real) || precision > 400) {
      return real;
    }
    if (precision < -400) {
      return Math.copySign(0.0, real);
    }
    double rounded = new BigDecimal(real).setScale((int) precision, RoundingMode.HALF_EVEN)
        .doubleValue();
    return Math.copySign(rounded, real);
  }

  static long round(long integer, long precision) {
    if (precision >= 0) {
      return integer;
    }
    BigDecimal rounded = BigDecimal.valueOf(integer).setScale((int) Math.max(-30, precision),
        RoundingMode.HALF_EVEN);
    try {
      return rounded.longValueExact();
    } catch (ArithmeticException e) {
      throw beyond64Bits();
    }
  }
}

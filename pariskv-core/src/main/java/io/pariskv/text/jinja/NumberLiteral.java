package io.pariskv.text.jinja;

/** Where a number ends in a template's source; underscores may stand between digits. */
final class NumberLiteral {
  private NumberLiteral() {
  }

  /** The end of {@code 1.5}, {@code 1e9} or {@code 1.5e-9} at {@code start}, or -1 if no such number is there. */
  static int floatEnd(String source, int start) {
    int end = digits(source, start, 10);
    boolean real = false;
    if (end < source.length() && source.charAt(end) == '.'
        && digits(source, end + 1, 10) > end + 1) {
      end = digits(source, end + 1, 10);
      real = true;
    }
    if (end < source.length() && (source.charAt(end) == 'e' || source.charAt(end) == 'E')) {
      int sign = end + 1 < source.length() && "+-".indexOf(source.charAt(end + 1)) >= 0 ? 1 : 0;
      int exponent = digits(source, end + 1 + sign, 10);
      if (exponent > end + 1 + sign) {
        return exponent;
      }
    }
    return real ? end : -1;
  }

  /** The end of the integer at {@code start}; a leading zero stands alone unless a base follows it. */
  static int integerEnd(String source, int start) {
    if (source.charAt(start) != '0') {
      return digits(source, start, 10);
    }
    int base = start + 1 < source.length() ? base(source.charAt(start + 1)) : 10;
    if (base != 10) {
      int from = start + 2 < source.length() && source.charAt(start + 2) == '_'
          ? start + 3
          : start + 2;
      int end = digits(source, from, base);
      return end > from ? end : start + 1;
    }
    return digits(source, start, 1);
  }

  /** The base that the letter after a leading zero stands for; 10 for none. */
  static int base(char letter) {
    return switch (letter) {
      case 'b', 'B' -> 2;
      case 'o', 'O' -> 8;
      case 'x', 'X' -> 16;
      default -> 10;
    };
  }

  private static int digits(String source, int start, int base) {
    int end = start;
    while (end < source.length()) {
      int at = end > start && source.charAt(end) == '_' && end + 1 < source.length()
          ? end + 1
          : end;
      char c = source.charAt(at);
      boolean digit = base == 1 ? c == '0' : c < 128 && Character.digit(c, base) >= 0;
      if (!digit) {
        break;
      }
      end = at + 1;
    }
    return end;
  }
}

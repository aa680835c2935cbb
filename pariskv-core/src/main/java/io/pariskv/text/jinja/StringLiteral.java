package io.pariskv.text.jinja;

/** String literals of a template, with Python's escapes. */
final class StringLiteral {
  private static final String SIMPLE = "\\'\"abfnrtv";
  private static final String MEANING = "\\'\"\u0007\b\f\n\r\t\u000b";

  private StringLiteral() {
  }

  /** The position of the quote that closes the one at {@code start}. */
  static int end(String source, int start, int line) {
    char quote = source.charAt(start);
    for (int i = start + 1; i < source.length(); i++) {
      char c = source.charAt(i);
      if (c == quote) {
        return i;
      }
      i += c == '\\' ? 1 : 0;
    }
    throw new Problem(line, "the string that starts here has no end; close it with " + quote);
  }

  static String decode(String body, int line) {
    if (body.indexOf('\\') < 0) {
      return body;
    }
    StringBuilder out = new StringBuilder(body.length());
    int i = 0;
    while (i < body.length()) {
      char c = body.charAt(i++);
      if (c == '\\') {
        i = escape(body, i, out, line);
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  /** Decodes the escape whose letter is at {@code i}; returns the position after it. */
  private static int escape(String body, int i, StringBuilder out, int line) {
    char c = body.charAt(i);
    int simple = SIMPLE.indexOf(c);
    if (simple >= 0) {
      out.append(MEANING.charAt(simple));
      return i + 1;
    }
    if (c >= '0' && c <= '7') {
      int end = i;
      while (end < body.length() && end < i + 3 && body.charAt(end) >= '0'
          && body.charAt(end) <= '7') {
        end++;
      }
      out.append((char) Integer.parseInt(body, i, end, 8));
      return end;
    }
    return switch (c) {
      case '\n' -> i + 1; // a backslash at the end of a line joins the lines
      case 'x' -> hex(body, i + 1, 2, out, line);
      case 'u' -> hex(body, i + 1, 4, out, line);
      case 'U' -> hex(body, i + 1, 8, out, line);
      default -> {
        if (c == 'N' || c > 127) {
          throw new Problem(line,
              "unsupported escape '\\" + c + "' in a string; write the character itself");
        }
        out.append('\\').append(c);
        yield i + 1;
      }
    };
  }

  private static int hex(String body, int from, int digits, StringBuilder out, int line) {
    int value = 0;
    for (int i = from; i < from + digits; i++) {
      int digit = i < body.length() && body.charAt(i) < 128
          ? Character.digit(body.charAt(i), 16)
          : -1;
      if (digit < 0 || value > Character.MAX_CODE_POINT >> 4) {
        throw new Problem(line,
            "an escape in a string needs " + digits + " hexadecimal digits of a Unicode character");
      }
      value = value << 4 | digit;
    }
    if (value > Character.MAX_CODE_POINT) {
      throw new Problem(line,
          "an escape in a string goes beyond the last Unicode character, 10FFFF");
    }
    out.appendCodePoint(value);
    return from + digits;
  }
}

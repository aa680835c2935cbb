package io.pariskv.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Python's view of strings: characters are code points, and white space is Unicode's. */
final class PythonText {
  private PythonText() {
  }

  /** {@code str.isspace} of one character; all of them are in the basic plane. */
  static boolean isSpace(int c) {
    return (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= ' ') || c == 0x85 || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f
        || c == 0x3000;
  }

  /** One string for each code point, made while walking. */
  static Iterator<Value> characters(String text) {
    return text.codePoints().<Value>mapToObj(c -> new Value.Str(Character.toString(c))).iterator();
  }

  /** Order by code points, where {@link String#compareTo} orders by UTF-16 units. */
  static int compare(String a, String b) {
    int common = Math.min(a.length(), b.length());
    for (int i = 0; i < common; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean surrogates = Character.isSurrogate(x) != Character.isSurrogate(y);
        return surrogates
            ? Boolean.compare(Character.isSurrogate(x), Character.isSurrogate(y))
            : x - y;
      }
    }
    return a.length() - b.length();
  }

  /** {@code repr} of a string. */
  static String quote(String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder(text.length() + 2).append(quote);
    text.codePoints().forEach(c -> {
      switch (c) {
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\\' -> out.append("\\\\");
        default -> {
          if (c == quote) {
            out.append('\\').append(quote);
          } else if (isPrintable(c)) {
            out.appendCodePoint(c);
          } else {
            out.append(c < 0x100
                ? "\\x%02x".formatted(c)
                : c < 0x10000 ? "\\u%04x".formatted(c) : "\\U%08x".formatted(c));
          }
        }
      }
    });
    return out.append(quote).toString();
  }

  private static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
        false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }

  /** {@code strip}: removes the characters of {@code chars}, or white space for null, at the chosen ends. */
  static String strip(String text, @Nullable String chars, boolean left, boolean right) {
    int from = 0;
    int to = text.length();
    while (left && from < to && isStripped(text.codePointAt(from), chars)) {
      from += Character.charCount(text.codePointAt(from));
    }
    while (right && to > from && isStripped(text.codePointBefore(to), chars)) {
      to -= Character.charCount(text.codePointBefore(to));
    }
    return text.substring(from, to);
  }

  private static boolean isStripped(int c, @Nullable String chars) {
    return chars == null ? isSpace(c) : chars.indexOf(c) >= 0;
  }

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.codePointAt(0);
    // The rest is lowered in its context: a sigma at the end of a word has a form of its own.
    return titleCase(first) + lower(text).substring(lower(Character.toString(first)).length());
  }

  private static String titleCase(int c) {
    int title = Character.toTitleCase(c);
    String upper = upper(Character.toString(c));
    // A letter whose capital is several letters, such as a ligature, has no single title case.
    return title == c && upper.codePointCount(0, upper.length()) > 1
        ? titleCase(upper.codePointAt(0))
            + lower(upper.substring(Character.charCount(upper.codePointAt(0))))
        : Character.toString(title);
  }

  /** {@code str.title}: every letter after a character without case is a capital. */
  static String title(String text) {
    StringBuilder out = new StringBuilder(text.length());
    String lower = lower(text);
    boolean aligned = lower.length() == text.length();
    boolean inWord = false;
    for (int i = 0; i < text.length();) {
      int c = text.codePointAt(i);
      int next = i + Character.charCount(c);
      out.append(!inWord
          ? titleCase(c)
          : aligned ? lower.substring(i, next) : lower(Character.toString(c)));
      inWord = isCased(c);
      i = next;
    }
    return out.toString();
  }

  /** {@code islower} or {@code isupper}: there is a cased letter, and none of the other case. */
  static boolean isAll(String text, boolean upper) {
    boolean cased = false;
    for (int i = 0; i < text.length();) {
      int c = text.codePointAt(i);
      if (upper ? Character.isLowerCase(c) : Character.isUpperCase(c) || Character.isTitleCase(c)) {
        return false;
      }
      cased |= isCased(c) && !(upper && Character.isTitleCase(c));
      i += Character.charCount(c);
    }
    return cased;
  }

  private static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  /** {@code split(None, maxsplit)}: between runs of white space; no limit below 0. */
  static List<String> splitSpace(String text, long maxSplit) {
    List<String> parts = new ArrayList<>();
    int from = skip(text, 0, true);
    while (from < text.length()) {
      boolean last = maxSplit >= 0 && parts.size() == maxSplit;
      // The last part keeps the white space at its end.
      int to = last ? text.length() : skip(text, from, false);
      parts.add(text.substring(from, to));
      from = skip(text, to, true);
    }
    return parts;
  }

  /** {@code rsplit(None, maxsplit)}: as above, counted from the right. */
  static List<String> splitSpaceFromRight(String text, long maxSplit) {
    List<String> parts = new ArrayList<>();
    int to = skipBack(text, text.length(), true);
    while (to > 0) {
      boolean last = maxSplit >= 0 && parts.size() == maxSplit;
      int from = last ? 0 : skipBack(text, to, false);
      parts.add(text.substring(from, to));
      to = skipBack(text, from, true);
    }
    return parts.reversed();
  }

  /** The first position from {@code i} where the run of white space, or of other characters, ends. */
  private static int skip(String text, int i, boolean space) {
    int end = i;
    while (end < text.length() && isSpace(text.charAt(end)) == space) {
      end++;
    }
    return end;
  }

  private static int skipBack(String text, int i, boolean space) {
    int start = i;
    while (start > 0 && isSpace(text.charAt(start - 1)) == space) {
      start--;
    }
    return start;
  }

  /** {@code splitlines()}. */
  static List<String> lines(String text, boolean keepEnds) {
    List<String> lines = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if ((c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028
          || c == 0x2029) {
        int end = i;
        i += c == '\r' && text.startsWith("\n", i + 1) ? 1 : 0;
        lines.add(text.substring(from, keepEnds ? i + 1 : end));
        from = i + 1;
      }
    }
    if (from < text.length()) {
      lines.add(text.substring(from));
    }
    return lines;
  }
}

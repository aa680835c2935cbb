package io.pariskv.text.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** C's {@code strftime} in the C locale, for a time without a zone. */
final class Strftime {
  private Strftime() {
  }

  static Value format(String format, LocalDateTime time, Budget budget) {
    BoundedText out = new BoundedText(budget);
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%') {
        out.append(c);
        continue;
      }
      boolean unpadded = format.startsWith("-", i + 1);
      i += unpadded ? 2 : 1;
      if (i >= format.length()) {
        throw new Problem("the format of strftime_now ends with '%'; write '%%' for the character");
      }
      String field = field(format.charAt(i), time);
      out.append(unpadded ? withoutPadding(field) : field);
    }
    return out.finish();
  }

  private static String withoutPadding(String field) {
    int from = 0;
    while (from < field.length() - 1 && (field.charAt(from) == '0' || field.charAt(from) == ' ')) {
      from++;
    }
    return field.substring(from);
  }

  private static String field(char directive, LocalDateTime time) {
    String pattern = switch (directive) {
      case 'Y' -> "uuuu";
      case 'y' -> "uu";
      case 'm' -> "MM";
      case 'd' -> "dd";
      case 'e' -> "ppd";
      case 'j' -> "DDD";
      case 'b', 'h' -> "MMM";
      case 'B' -> "MMMM";
      case 'a' -> "EEE";
      case 'A' -> "EEEE";
      case 'H' -> "HH";
      case 'I' -> "hh";
      case 'M' -> "mm";
      case 'S' -> "ss";
      case 'f' -> "SSSSSS";
      case 'p' -> "a";
      case 'D', 'x' -> "MM/dd/uu";
      case 'F' -> "uuuu-MM-dd";
      case 'T', 'X' -> "HH:mm:ss";
      case 'R' -> "HH:mm";
      case 'c' -> "EEE MMM ppd HH:mm:ss uuuu";
      case 'V' -> "ww";
      case '%' -> "'%'";
      case 'n' -> "'\n'";
      case 't' -> "'\t'";
      case 'z', 'Z' -> "";
      case 'w' -> Integer.toString(time.getDayOfWeek().getValue() % 7);
      case 'u' -> Integer.toString(time.getDayOfWeek().getValue());
      default ->
        throw new Problem("the directive '%" + directive + "' of strftime_now is not supported");
    };
    // ISO for the week; the names of months and days are the same in ENGLISH as in the C locale.
    return DateTimeFormatter.ofPattern(pattern, directive == 'V' ? Locale.UK : Locale.ENGLISH)
        .format(time);
  }
}

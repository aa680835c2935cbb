package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Value.Dict;
import io.pariskv.text.jinja.Value.Flt;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Str;
import io.pariskv.text.jinja.Value.Undefined;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code 'text %s' % values}: the conversions {@code s r d i u f F x X o %} with flags, width and precision. */
final class PrintfFormat {
  private static final int MAX_NUMBER = 1000;

  private final String format;
  private final Value argument;
  private final List<Value> values;
  private final BoundedText out;
  private int pos;
  private int used;
  private boolean left;
  private boolean zero;
  private String plus = "";

  private PrintfFormat(String format, Value argument, Budget budget) {
    this.format = format;
    this.argument = argument;
    this.values = argument instanceof Seq s && s.kind() == Seq.Kind.TUPLE
        ? s.items()
        : List.of(argument);
    this.out = new BoundedText(budget);
  }

  static Value format(String format, Value argument, Budget budget) {
    return new PrintfFormat(format, argument, budget).run();
  }

  private Value run() {
    while (pos < format.length()) {
      int percent = format.indexOf('%', pos);
      int end = percent < 0 ? format.length() : percent;
      out.append(format, pos, end);
      pos = end + 1;
      if (percent >= 0) {
        conversion();
      }
    }
    // Python takes lists and dicts for mappings, which may stay unused.
    boolean mapping = argument instanceof Dict || argument instanceof Undefined
        || (argument instanceof Seq s && s.kind() != Seq.Kind.TUPLE && s.kind().isIndexed());
    if (used < values.size() && !mapping) {
      throw new Problem("'%' got more values than its format has conversions");
    }
    return out.finish();
  }

  private void conversion() {
    Value named = null;
    if (peek() == '(') {
      int end = format.indexOf(')', pos);
      if (end < 0 || !(argument instanceof Dict d)) {
        throw new Problem("'%(name)' needs a closing parenthesis and a dict of values");
      }
      named = d.entries().get(new Str(format.substring(pos + 1, end)));
      if (named == null) {
        throw new Problem(
            "'%' has no value for " + PythonText.quote(format.substring(pos + 1, end)));
      }
      pos = end + 1;
    }
    flags();
    int width = number();
    int precision = -1;
    if (peek() == '.') {
      pos++;
      precision = Math.max(0, number());
    }
    char kind = peek();
    pos++;
    if (kind == '%') {
      out.append('%');
      return;
    }
    pad(convert(kind, named, precision), width, kind != 's' && kind != 'r');
  }

  private char peek() {
    if (pos >= format.length()) {
      throw new Problem("the format ends inside a '%' conversion; write '%%' for the character");
    }
    return format.charAt(pos);
  }

  private void flags() {
    left = false;
    zero = false;
    plus = "";
    for (; "-0+ ".indexOf(peek()) >= 0; pos++) {
      switch (peek()) {
        case '-' -> left = true;
        case '0' -> zero = true;
        case '+' -> plus = "+";
        default -> plus = plus.isEmpty() ? " " : plus;
      }
    }
  }

  private int number() {
    int number = -1;
    for (; peek() >= '0' && peek() <= '9'; pos++) {
      number = Math.max(0, number) * 10 + peek() - '0';
      if (number > MAX_NUMBER) {
        throw new Problem("a width or precision in '%' beyond " + MAX_NUMBER + " is not supported");
      }
    }
    return number;
  }

  private Value next(@Nullable Value named) {
    if (named != null) {
      return named;
    }
    if (used >= values.size()) {
      throw new Problem("'%' got fewer values than its format has conversions");
    }
    return values.get(used++);
  }

  private String convert(char kind, @Nullable Value named, int precision) {
    return switch (kind) {
      case 's', 'r' -> {
        Value value = next(named);
        String text = kind == 's'
            ? Printer.str(value, out.budget())
            : Printer.repr(value, out.budget());
        boolean cut = precision >= 0 && precision < text.codePointCount(0, text.length());
        yield cut ? text.substring(0, text.offsetByCodePoints(0, precision)) : text;
      }
      case 'd', 'i', 'u', 'x', 'X', 'o', 'f', 'F' -> {
        Value value = next(named);
        if (!Operators.isNumber(value)) {
          throw new Problem("'%" + kind + "' needs a number, but got " + value.typeName());
        }
        String text = kind == 'f' || kind == 'F'
            ? real(value, precision)
            : integer(kind, value, precision);
        yield text.startsWith("-") ? text : plus + text;
      }
      default -> throw new Problem("the conversion '%" + kind + "' is not supported");
    };
  }

  private static String integer(char kind, Value value, int precision) {
    if (value instanceof Flt && "xXo".indexOf(kind) >= 0) {
      throw new Problem("'%" + kind + "' needs an integer, but got float");
    }
    long number = value instanceof Flt f
        ? PythonNumbers.truncate(f.value())
        : Operators.index(value, "a number");
    String digits = switch (kind) {
      case 'x' -> Long.toString(number, 16);
      case 'X' -> Long.toString(number, 16).toUpperCase(java.util.Locale.ROOT);
      case 'o' -> Long.toString(number, 8);
      default -> Long.toString(number);
    };
    String sign = number < 0 ? "-" : "";
    String bare = digits.substring(sign.length());
    return sign + "0".repeat(Math.max(0, precision - bare.length())) + bare;
  }

  private static String real(Value value, int precision) {
    double number = Operators.toDouble(value);
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      throw new Problem("a format of a float that is not finite is not supported");
    } ;
    String digits = new BigDecimal(number)
        .setScale(precision < 0 ? 6 : precision, RoundingMode.HALF_EVEN)
        .toPlainString();
    boolean negativeZero = (number < 0 || 1 / number < 0) && !digits.startsWith("-");
    return negativeZero ? "-" + digits : digits;
  }

  private void pad(String text, int width, boolean number) {
    int missing = Math.max(0, width - text.codePointCount(0, text.length()));
    if (left) {
      out.append(text).append(" ".repeat(missing));
    } else if (zero && number) {
      int sign = !text.isEmpty() && "+- ".indexOf(text.charAt(0)) >= 0 ? 1 : 0;
      out.append(text.substring(0, sign)).append("0".repeat(missing)).append(text.substring(sign));
    } else {
      out.append(" ".repeat(missing)).append(text);
    }
  }
}

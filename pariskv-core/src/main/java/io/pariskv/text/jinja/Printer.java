package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Value.Seq.Kind;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Iterator;
import java.util.Map;

/** Values as text: Python's {@code str()} and {@code repr()}. */
final class Printer {
  private Printer() {
  }

  static String str(Value value, Budget budget) {
    return switch (value) {
      case Value.Str s -> s.text();
      case Value.Markup m -> m.text();
      case Value.Undefined u -> "";
      case Value.Scalar s -> scalar(s);
      default -> {
        BoundedText out = new BoundedText(budget);
        repr(value, out);
        yield out.toString();
      }
    };
  }

  static void str(Value value, BoundedText out) {
    if (value instanceof Value.Seq || value instanceof Value.Dict) {
      repr(value, out);
    } else {
      out.append(str(value, out.budget()));
    }
  }

  static String repr(Value value, Budget budget) {
    BoundedText out = new BoundedText(budget);
    repr(value, out);
    return out.toString();
  }

  private static String scalar(Value.Scalar value) {
    return switch (value) {
      case Value.Str s -> PythonText.quote(s.text());
      case Value.Int i -> Long.toString(i.value());
      case Value.Flt f -> real(f.value());
      case Value.Bool b -> b.value() ? "True" : "False";
      case Value.None n -> "None";
    };
  }

  private static void repr(Value value, BoundedText out) {
    out.budget().steps(1);
    switch (value) {
      case Value.Scalar s -> out.append(scalar(s));
      case Value.Undefined u -> out.append("Undefined");
      case Value.Seq s -> sequence(s, out);
      case Value.Dict d -> {
        out.append('{');
        String separator = "";
        for (Map.Entry<Value.Scalar, Value> entry : d.entries().entrySet()) {
          out.append(separator).append(scalar(entry.getKey())).append(": ");
          repr(entry.getValue(), out);
          separator = ", ";
        }
        out.append('}');
      }
      default -> throw unprintable(value);
    }
  }

  private static void sequence(Value.Seq seq, BoundedText out) {
    Kind kind = seq.kind();
    if (kind == Kind.RANGE) {
      throw unprintable(seq);
    }
    boolean view = kind == Kind.KEYS || kind == Kind.VALUES || kind == Kind.ITEMS;
    out.append(view ? kind.python + "([" : kind == Kind.TUPLE ? "(" : "[");
    Iterator<Value> items = seq.items().iterator();
    while (items.hasNext()) {
      repr(items.next(), out);
      if (items.hasNext()) {
        out.append(", ");
      }
    }
    out.append(view ? "])" : kind == Kind.TUPLE ? seq.items().size() == 1 ? ",)" : ")" : "]");
  }

  private static Problem unprintable(Value value) {
    String way = value instanceof Value.Function
        ? "call it with ()"
        : "turn it into a list or a string first, for example with '|list'";
    return new Problem("a " + value.typeName() + " cannot be printed; " + way);
  }

  /** Java writes at least two digits, where one may do for the smallest numbers. */
  private static BigDecimal shortest(double value) {
    BigDecimal digits = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    BigDecimal one = digits.round(new MathContext(1));
    return one.doubleValue() == value ? one.stripTrailingZeros() : digits;
  }

  /** Python's {@code repr} of a float: the shortest digits that read back, and {@code e} from 1e16 and below 1e-4. */
  static String real(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = shortest(value);
    String digits = shortest.unscaledValue().abs().toString();
    int exponent = digits.length() - 1 - shortest.scale();
    String sign = value < 0 ? "-" : "";
    if (exponent < -4 || exponent >= 16) {
      String mantissa = digits.length() == 1
          ? digits
          : digits.charAt(0) + "." + digits.substring(1);
      return sign + mantissa + "e" + (exponent < 0 ? "-" : "+")
          + (Math.abs(exponent) < 10 ? "0" : "")
          + Math.abs(exponent);
    }
    String plain = shortest.abs().toPlainString();
    return sign + (plain.indexOf('.') < 0 ? plain + ".0" : plain);
  }
}

package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Value.Flt;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Str;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/** {@code + - * / // % **} as Python has them; integers have 64 bits, and beyond is an error. */
final class Arithmetic {
  private static final long EXACT_IN_DOUBLE = 1L << 53;

  private Arithmetic() {
  }

  static Value binary(String op, Value a, Value b, Budget budget) {
    if (Operators.isNumber(a) && Operators.isNumber(b)) {
      try {
        return a instanceof Flt || b instanceof Flt
            ? new Flt(real(op, Operators.toDouble(a), Operators.toDouble(b)))
            : integer(op, Operators.index(a, op), Operators.index(b, op));
      } catch (ArithmeticException e) {
        throw new Problem("an integer goes beyond 64 bits in '" + op + "', which is not supported");
      }
    }
    return switch (op) {
      case "+" -> concatenate(a, b, budget);
      case "*" ->
        b instanceof Str || b instanceof Seq ? repeat(b, a, budget) : repeat(a, b, budget);
      case "%" -> {
        if (a instanceof Str s) {
          yield PrintfFormat.format(s.text(), b, budget);
        }
        throw Operators.unsupported(op, a, b);
      }
      default -> throw Operators.unsupported(op, a, b);
    };
  }

  private static Value concatenate(Value a, Value b, Budget budget) {
    if (a instanceof Str s && b instanceof Str t) {
      budget.characters(s.text().length(), t.text().length());
      return budget.text(s.text().concat(t.text()));
    }
    if (a instanceof Seq s && b instanceof Seq t && s.kind() == t.kind() && isListOrTuple(s)) {
      budget.steps((long) s.items().size() + t.items().size());
      List<Value> items = new ArrayList<>(s.items());
      items.addAll(t.items());
      return budget.sequence(s.kind(), items);
    }
    throw Operators.unsupported("+", a, b);
  }

  private static Value repeat(Value a, Value count, Budget budget) {
    if (!(count instanceof Int || count instanceof Value.Bool)) {
      throw Operators.unsupported("*", a, count);
    }
    long times = Math.max(0, Operators.index(count, "*"));
    if (a instanceof Str s) {
      int length = s.text().length();
      budget.characters(0,
          length == 0 ? 0 : times > Integer.MAX_VALUE ? Long.MAX_VALUE / 4 : times * length);
      return new Str(length == 0 ? "" : s.text().repeat((int) times));
    }
    if (a instanceof Seq s && isListOrTuple(s)) {
      int length = s.items().size();
      budget
          .steps(length == 0 ? 0 : times > Integer.MAX_VALUE ? Long.MAX_VALUE / 4 : times * length);
      List<Value> items = new ArrayList<>();
      for (long i = 0; length > 0 && i < times; i++) {
        items.addAll(s.items());
      }
      return budget.sequence(s.kind(), items);
    }
    throw Operators.unsupported("*", a, count);
  }

  private static boolean isListOrTuple(Seq seq) {
    return seq.kind() == Seq.Kind.LIST || seq.kind() == Seq.Kind.TUPLE;
  }

  private static Value integer(String op, long a, long b) {
    if (b == 0 && (op.equals("/") || op.equals("//") || op.equals("%"))) {
      throw divisionByZero(op);
    }
    return switch (op) {
      case "+" -> new Int(Math.addExact(a, b));
      case "-" -> new Int(Math.subtractExact(a, b));
      case "*" -> new Int(Math.multiplyExact(a, b));
      case "/" -> new Flt(quotient(a, b));
      case "//" -> new Int(Math.floorDivExact(a, b));
      case "%" -> new Int(Math.floorMod(a, b));
      default -> b < 0 ? new Flt(real(op, (double) a, (double) b)) : new Int(power(a, b));
    };
  }

  private static double quotient(long a, long b) {
    boolean exact = Math.abs(a) <= EXACT_IN_DOUBLE && Math.abs(b) <= EXACT_IN_DOUBLE
        && a != Long.MIN_VALUE
        && b != Long.MIN_VALUE;
    return exact
        ? (double) a / b
        : BigDecimal.valueOf(a).divide(BigDecimal.valueOf(b), new MathContext(40)).doubleValue();
  }

  private static long power(long base, long exponent) {
    long result = 1;
    long square = base;
    for (long e = exponent; e > 0; e >>= 1) {
      result = (e & 1) == 1 ? Math.multiplyExact(result, square) : result;
      square = e > 1 ? Math.multiplyExact(square, square) : square;
    }
    return result;
  }

  private static double real(String op, double a, double b) {
    boolean divides = op.equals("/") || op.equals("//") || op.equals("%");
    if (divides ? b == 0 : op.equals("**") && a == 0 && b < 0) {
      throw divisionByZero(op);
    }
    return switch (op) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> floorQuotient(a, b);
      case "%" -> remainder(a, b);
      default -> realPower(a, b);
    };
  }

  /** The remainder with the sign of the divisor. */
  private static double remainder(double a, double b) {
    double rest = a % b;
    if (rest == 0) {
      return Math.copySign(0.0, b);
    }
    return b < 0 == rest < 0 ? rest : rest + b;
  }

  private static double floorQuotient(double a, double b) {
    double rest = a % b;
    double quotient = (a - rest) / b;
    if (rest != 0 && b < 0 != rest < 0) {
      quotient -= 1;
    }
    if (quotient == 0) {
      return Math.copySign(0.0, a / b);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  private static double realPower(double a, double b) {
    double result = a == 1 ? 1 : Math.pow(a, b);
    if (a < 0 && b != Math.rint(b)) {
      throw new Problem("a negative number to a fractional power is not supported");
    }
    if (Double.isInfinite(result) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
      throw new Problem("the result of '**' is too large for a float");
    }
    return result;
  }

  private static Problem divisionByZero(String op) {
    return new Problem("division by zero in '" + op + "'");
  }
}

package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Arguments.Bound;
import io.pariskv.text.jinja.Filters.Filter;
import io.pariskv.text.jinja.Value.Bool;
import io.pariskv.text.jinja.Value.Flt;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.Str;
import io.pariskv.text.jinja.Value.Undefined;
import java.util.Map;

/** {@code int float abs round}. */
final class NumberFilters {
  static final Map<String, Filter> FILTERS = Map.of("int", NumberFilters::toInt, "float",
      NumberFilters::toFloat, "abs",
      NumberFilters::abs, "round", NumberFilters::round);

  private NumberFilters() {
  }

  private static Value toInt(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("int", 0, "default", "base");
    Value fallback = args.get(0, new Int(0));
    long base = args.integer(1, 10);
    if (base != 0 && (base < 2 || base > 36)) {
      throw new Problem("the base of the filter 'int' must be 0 or 2 to 36, but is " + base);
    }
    return switch (input) {
      case Int i -> i;
      case Bool b -> new Int(b.value() ? 1 : 0);
      case Flt f when Double.isNaN(f.value()) -> fallback;
      case Flt f -> new Int(PythonNumbers.truncate(f.value()));
      case Str s -> {
        Long integer = PythonNumbers.parseInt(s.text(), (int) base);
        if (integer != null) {
          yield new Int(integer);
        }
        Double real = PythonNumbers.parseFloat(s.text());
        yield real == null || !Double.isFinite(real)
            ? fallback
            : new Int(PythonNumbers.truncate(real));
      }
      case Undefined u -> throw u.problem();
      default -> fallback;
    };
  }

  private static Value toFloat(Value input, Arguments arguments, Budget budget) {
    Value fallback = arguments.bind("float", 0, "default").get(0, new Flt(0));
    return switch (input) {
      case Flt f -> f;
      case Int i -> new Flt(i.value());
      case Bool b -> new Flt(b.value() ? 1 : 0);
      case Str s -> {
        Double real = PythonNumbers.parseFloat(s.text());
        yield real != null ? new Flt(real) : fallback;
      }
      case Undefined u -> throw u.problem();
      default -> fallback;
    };
  }

  private static Value abs(Value input, Arguments arguments, Budget budget) {
    arguments.bind("abs", 0);
    requireNumber("abs", input);
    if (input instanceof Flt f) {
      return new Flt(Math.abs(f.value()));
    }
    long value = Operators.index(input, "abs");
    return value < 0 ? Arithmetic.binary("-", new Int(0), input, budget) : new Int(value);
  }

  private static Value round(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("round", 0, "precision", "method");
    String method = args.has(1) ? args.text(1) : "common";
    long precision = args.integer(0, 0);
    requireNumber("round", input);
    if (method.equals("common")) {
      return input instanceof Flt f
          ? new Flt(PythonNumbers.round(f.value(), precision))
          : new Int(PythonNumbers.round(Operators.index(input, "round"), precision));
    }
    if (!method.equals("ceil") && !method.equals("floor")) {
      throw new Problem("the method of the filter 'round' must be common, ceil or floor, but is "
          + PythonText.quote(method));
    }
    Value scale = Arithmetic.binary("**", new Int(10), new Int(precision), budget);
    Value scaled = Arithmetic.binary("*", input, scale, budget);
    if (scaled instanceof Flt f) {
      scaled = new Int(PythonNumbers
          .truncate(method.equals("ceil") ? Math.ceil(f.value()) : Math.floor(f.value())));
    }
    return Arithmetic.binary("/", scaled, scale, budget);
  }

  private static void requireNumber(String filter, Value input) {
    if (!Operators.isNumber(input)) {
      throw input instanceof Undefined u
          ? u.problem()
          : new Problem("the filter '" + filter + "' needs a number, but got " + input.typeName());
    }
  }
}

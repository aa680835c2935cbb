package io.pariskv.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Takes the caller's variables into a render: what a JSON parser gives, and nothing else. */
final class JavaValues {
  private JavaValues() {
  }

  /** @param variable the variable the value belongs to, for messages */
  static Value of(@Nullable Object value, String variable, Budget budget) {
    budget.steps(1);
    return switch (value) {
      case null -> Value.None.NONE;
      case CharSequence text -> new Value.Str(text.toString());
      case Boolean flag -> Value.Bool.of(flag);
      case Long integer -> new Value.Int(integer);
      case Integer integer -> new Value.Int(integer);
      case Short integer -> new Value.Int(integer);
      case Byte integer -> new Value.Int(integer);
      case BigInteger integer -> integer(integer, variable);
      case Double real -> new Value.Flt(real);
      case Float real -> new Value.Flt(real);
      case BigDecimal real -> new Value.Flt(real.doubleValue());
      case Map<?, ?> map -> {
        budget.enter();
        Map<Value.Scalar, Value> entries = new LinkedHashMap<>();
        map.forEach((key, item) -> entries.put(Operators.key(of(key, variable, budget)),
            of(item, variable, budget)));
        budget.leave();
        yield budget.dict(entries);
      }
      case Iterable<?> list -> {
        budget.enter();
        List<Value> items = new ArrayList<>();
        for (Object item : list) {
          items.add(of(item, variable, budget));
        }
        budget.leave();
        yield budget.list(items);
      }
      default -> throw new IllegalArgumentException("the variable '" + variable
          + "' of a template is a "
          + value.getClass().getName() + "; give a string, number, boolean, null, Map or Iterable");
    };
  }

  private static Value integer(BigInteger integer, String variable) {
    if (integer.bitLength() > 63) {
      throw new Problem("the variable '" + variable + "' holds an integer of " + integer.bitLength()
          + " bits; integers beyond 64 bits are not supported");
    }
    return new Value.Int(integer.longValue());
  }
}

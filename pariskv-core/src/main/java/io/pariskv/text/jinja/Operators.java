package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Value.Bool;
import io.pariskv.text.jinja.Value.Dict;
import io.pariskv.text.jinja.Value.Flt;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.Iter;
import io.pariskv.text.jinja.Value.None;
import io.pariskv.text.jinja.Value.Scalar;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Str;
import io.pariskv.text.jinja.Value.Undefined;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Truth, equality, order, membership and iteration as Python has them. */
final class Operators {
  private Operators() {
  }

  static boolean truthy(Value value) {
    return switch (value) {
      case Str s -> !s.text().isEmpty();
      case Int i -> i.value() != 0;
      case Flt f -> f.value() != 0;
      case Bool b -> b.value();
      case None n -> false;
      case Undefined u -> false;
      case Value.Markup m -> !m.text().isEmpty();
      case Seq s -> !s.items().isEmpty();
      case Dict d -> !d.entries().isEmpty();
      case Iter i -> true;
      case Value.Namespace n -> true;
      case Value.Function f -> true;
      case LoopState l -> true;
    };
  }

  static boolean equal(Value a, Value b, Budget budget) {
    budget.steps(1);
    return switch (a) {
      case Str s -> {
        budget.reading(s.text().length());
        yield s.equals(b);
      }
      case Scalar s -> s.equals(b);
      case Undefined u -> b instanceof Undefined;
      case Seq s -> b instanceof Seq t && s.kind() == t.kind() && s.kind().isIndexed()
          && equalItems(s.items(), t.items(), budget);
      case Dict d -> b instanceof Dict e && equalEntries(d.entries(), e.entries(), budget);
      default -> identical(a, b);
    };
  }

  @SuppressWarnings("ReferenceEquality") // identity is the question
  static boolean identical(Value a, Value b) {
    return a == b;
  }

  /** How Python's containers compare their elements; it tells for NaN only. */
  static boolean identicalOrEqual(Value a, Value b, Budget budget) {
    return identical(a, b) || equal(a, b, budget);
  }

  private static boolean equalItems(List<Value> a, List<Value> b, Budget budget) {
    if (a.size() != b.size()) {
      return false;
    }
    for (int i = 0; i < a.size(); i++) {
      if (!identicalOrEqual(a.get(i), b.get(i), budget)) {
        return false;
      }
    }
    return true;
  }

  private static boolean equalEntries(Map<Scalar, Value> a, Map<Scalar, Value> b, Budget budget) {
    if (a.size() != b.size()) {
      return false;
    }
    for (Map.Entry<Scalar, Value> entry : a.entrySet()) {
      Value other = b.get(entry.getKey());
      if (other == null || !identicalOrEqual(entry.getValue(), other, budget)) {
        return false;
      }
    }
    return true;
  }

  /** {@code a op b} for one of {@code < <= > >=}. */
  static boolean ordered(String op, Value a, Value b, Budget budget) {
    budget.steps(1);
    if (isNumber(a) && isNumber(b)) {
      boolean nan = Double.isNaN(toDouble(a)) || Double.isNaN(toDouble(b));
      return !nan && holds(op, compareNumbers(a, b));
    }
    if (a instanceof Str s && b instanceof Str t) {
      budget.reading(Math.min(s.text().length(), t.text().length()));
      return holds(op, PythonText.compare(s.text(), t.text()));
    }
    if (a instanceof Seq s && b instanceof Seq t && s.kind() == t.kind()
        && (s.kind() == Seq.Kind.LIST || s.kind() == Seq.Kind.TUPLE)) {
      int common = Math.min(s.items().size(), t.items().size());
      for (int i = 0; i < common; i++) {
        Value x = s.items().get(i);
        Value y = t.items().get(i);
        if (!identicalOrEqual(x, y, budget)) {
          return ordered(op, x, y, budget);
        }
      }
      return holds(op, Integer.compare(s.items().size(), t.items().size()));
    }
    throw unsupported(op, a, b);
  }

  private static boolean holds(String op, int order) {
    return switch (op) {
      case "<" -> order < 0;
      case "<=" -> order <= 0;
      case ">" -> order > 0;
      default -> order >= 0;
    };
  }

  static boolean contains(Value container, Value item, Budget budget) {
    return switch (container) {
      case Str s when item instanceof Str needle -> {
        budget.searching(s.text(), needle.text());
        yield s.text().contains(needle.text());
      }
      case Str s ->
        throw new Problem("'in <string>' needs a string on its left, but got " + item.typeName());
      case Dict d -> !(item instanceof Undefined) && d.entries().containsKey(key(item));
      case Seq s -> s.items().stream().anyMatch(i -> identicalOrEqual(i, item, budget));
      case Iter i -> {
        boolean found = false;
        while (!found && i.hasNext()) {
          found = identicalOrEqual(i.next(), item, budget);
        }
        yield found;
      }
      case Undefined u -> false;
      default -> throw new Problem("'in' cannot look into a " + container.typeName());
    };
  }

  /** A dict's key; other values than scalars are refused. */
  static Scalar key(Value value) {
    return switch (value) {
      case Scalar s -> s;
      case Undefined u -> throw u.problem();
      default ->
        throw new Problem("a " + value.typeName() + " as a key of a dict is not supported");
    };
  }

  static Iterator<Value> iterate(Value value, Budget budget) {
    return switch (value) {
      case Seq s -> s.items().iterator();
      case Dict d -> List.<Value>copyOf(d.entries().keySet()).iterator();
      case Str s -> PythonText.characters(s.text());
      case Undefined u -> List.<Value>of().iterator();
      case Iter i -> new Iterator<>() {
        @Override
        public boolean hasNext() {
          return i.hasNext();
        }

        @Override
        public Value next() {
          return i.next();
        }
      };
      default -> throw new Problem("a " + value.typeName() + " cannot be iterated over");
    };
  }

  /** All elements, counted. */
  static List<Value> items(Value value, Budget budget) {
    if (value instanceof Seq s) {
      budget.steps(s.items().size());
      return s.items();
    }
    List<Value> items = new ArrayList<>();
    for (Iterator<Value> i = iterate(value, budget); i.hasNext();) {
      budget.newValues(1);
      items.add(i.next());
    }
    return items;
  }

  /** Python's {@code len()}. */
  static long length(Value value, Budget budget) {
    return switch (value) {
      case Str s -> {
        budget.reading(s.text().length());
        yield s.text().codePointCount(0, s.text().length());
      }
      case Seq s -> s.items().size();
      case Dict d -> d.entries().size();
      case Undefined u -> 0;
      case LoopState l -> l.length();
      default -> throw new Problem(
          "a " + value.typeName() + " has no length"
              + (value instanceof Iter ? "; put '|list' before '|length'" : ""));
    };
  }

  static boolean isNumber(Value value) {
    return value instanceof Int || value instanceof Flt || value instanceof Bool;
  }

  /** The integer, with booleans as 0 and 1; other values are refused, as where Python needs an index. */
  static long index(Value value, String what) {
    return switch (value) {
      case Int i -> i.value();
      case Bool b -> b.value() ? 1 : 0;
      case Undefined u -> throw u.problem();
      default -> throw new Problem(what + " must be an integer, but is " + value.typeName());
    };
  }

  static double toDouble(Value number) {
    return number instanceof Flt f ? f.value() : index(number, "a number");
  }

  private static int compareNumbers(Value a, Value b) {
    if (a instanceof Flt f) {
      return b instanceof Flt g
          ? f.value() == g.value() ? 0 : Double.compare(f.value(), g.value())
          : compare(f.value(), index(b, "a number"));
    }
    long left = index(a, "a number");
    return b instanceof Flt g
        ? -compare(g.value(), left)
        : Long.compare(left, index(b, "a number"));
  }

  /** Whether both are numbers and equal; NaN is not equal to any. */
  static boolean sameNumber(Value a, @Nullable Object b) {
    return b instanceof Value other && isNumber(other) && !Double.isNaN(toDouble(a))
        && !Double.isNaN(toDouble(other))
        && compareNumbers(a, other) == 0;
  }

  /** The exact order of a float and an integer; NaN is not equal to any. */
  static int compare(double a, long b) {
    if (Double.isNaN(a) || Double.isInfinite(a)) {
      return a < 0 ? -1 : 1;
    }
    return new BigDecimal(a).compareTo(BigDecimal.valueOf(b));
  }

  /** The error of an operator between types that do not know it. */
  static Problem unsupported(String op, Value a, Value b) {
    if (a instanceof Undefined u) {
      return u.problem();
    }
    if (b instanceof Undefined u) {
      return u.problem();
    }
    return new Problem(
        "'" + op + "' is not supported between " + a.typeName() + " and "
            + b.typeName());
  }
}

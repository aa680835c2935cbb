package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Value.Bool;
import io.pariskv.text.jinja.Value.Dict;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.None;
import io.pariskv.text.jinja.Value.Scalar;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Str;
import io.pariskv.text.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code a.b}, {@code a[b]} and {@code a[b:c:d]}. Looks into maps, sequences and the listed methods only. */
final class Attributes {
  private Attributes() {
  }

  /** {@code object.name}: a method wins over a key of the same name. */
  static Value attribute(Value object, String name, Budget budget) {
    Value method = member(object, name, budget);
    if (method != null) {
      return method;
    }
    Value entry = object instanceof Dict d ? d.entries().get(new Str(name)) : null;
    return entry != null ? entry : missing(object, name);
  }

  /** {@code object[key]}: a key wins over a method of the same name. */
  static Value item(Value object, Value key, Budget budget) {
    if (object instanceof Undefined u) {
      throw u.problem();
    }
    Value found = null;
    if (object instanceof Dict d && key instanceof Scalar s) {
      found = d.entries().get(s);
    } else if (key instanceof Int || key instanceof Bool) {
      long index = Operators.index(key, "an index");
      if (object instanceof Seq s && s.kind().isIndexed()) {
        long at = index < 0 ? index + s.items().size() : index;
        found = at >= 0 && at < s.items().size() ? s.items().get((int) at) : null;
      } else if (object instanceof Str s) {
        found = character(s.text(), index, budget);
      }
    }
    if (found == null && key instanceof Str s) {
      found = member(object, s.text(), budget);
    }
    return found != null
        ? found
        : missing(object, Printer.str(key instanceof Scalar ? key : None.NONE, budget));
  }

  private static @Nullable Value member(Value object, String name, Budget budget) {
    return switch (object) {
      case Undefined u -> throw u.problem();
      case Value.Namespace n -> n.attributes().get(name);
      case LoopState l -> l.attribute(name);
      case Str s -> StringMethods.find(s, name, budget);
      default -> CollectionMethods.find(object, name, budget);
    };
  }

  private static Undefined missing(Value object, String name) {
    String owner = object instanceof None ? "None" : "'" + object.typeName() + "'";
    return new Undefined(owner + " has no attribute or key " + PythonText.quote(abbreviate(name)));
  }

  private static String abbreviate(String name) {
    return name.length() <= 100 ? name : name.substring(0, 100) + "...";
  }

  private static @Nullable Value character(String text, long index, Budget budget) {
    budget.reading(text.length());
    int length = text.codePointCount(0, text.length());
    long at = index < 0 ? index + length : index;
    if (at < 0 || at >= length) {
      return null;
    }
    return budget.text(Character.toString(text.codePointAt(text.offsetByCodePoints(0, (int) at))));
  }

  static Value slice(Value object, Value start, Value stop, Value step, Budget budget) {
    long stride = step instanceof None ? 1 : Operators.index(step, "the step of a slice");
    if (stride == 0) {
      throw new Problem("the step of a slice must not be 0");
    }
    return switch (object) {
      case Str s -> {
        budget.reading(s.text().length());
        int[] points = s.text().codePoints().toArray();
        Range range = Range.of(points.length, start, stop, stride);
        BoundedText out = new BoundedText(budget);
        for (long i = 0; i < range.count(); i++) {
          out.appendCodePoint(points[range.at(i)]);
        }
        yield out.finish();
      }
      case Seq s when s.kind().isIndexed() -> {
        Range range = Range.of(s.items().size(), start, stop, stride);
        budget.steps(range.count());
        List<Value> items = new ArrayList<>((int) range.count());
        for (long i = 0; i < range.count(); i++) {
          items.add(s.items().get(range.at(i)));
        }
        yield budget.sequence(s.kind(), items);
      }
      case Undefined u -> throw u.problem();
      default -> throw new Problem("a " + object.typeName() + " cannot be sliced");
    };
  }

  /** The positions a slice takes: {@code first, first + stride, ...}. */
  private record Range(long first, long stride, long count) {

    static Range of(long length, Value start, Value stop, long stride) {
      long low = stride > 0 ? 0 : -1;
      long high = stride > 0 ? length : length - 1;
      long from = bound(start, length, low, high, stride > 0 ? low : high);
      long to = bound(stop, length, low, high, stride > 0 ? high : low);
      long span = stride > 0 ? to - from : from - to;
      long width = Math.abs(Math.max(stride, -Long.MAX_VALUE));
      return new Range(from, stride, span <= 0 ? 0 : (span - 1) / width + 1);
    }

    private static long bound(Value value, long length, long low, long high, long absent) {
      if (value instanceof None) {
        return absent;
      }
      long at = Operators.index(value, "the bound of a slice");
      return Math.clamp(at < 0 ? at + length : at, low, high);
    }

    int at(long i) {
      return (int) (first + i * stride);
    }
  }
}

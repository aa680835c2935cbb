package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Arguments.Bound;
import io.pariskv.text.jinja.Filters.Filter;
import io.pariskv.text.jinja.Value.Iter;
import io.pariskv.text.jinja.Value.Str;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * {@code map select reject selectattr rejectattr}: filters and tests applied to each element.
 *
 * <p>They give a generator, as in Python, but one whose elements are computed at once: an error in a late
 * element is raised even if nobody would have asked for that element.
 */
final class SelectionFilters {
  static final Map<String, Filter> FILTERS = Map.of("map", SelectionFilters::map, "select",
      (in, args, budget) -> select("select", in, args, true, budget), "reject",
      (in, args, budget) -> select("reject", in, args, false, budget), "selectattr",
      (in, args, budget) -> selectAttribute("selectattr", in, args, true, budget), "rejectattr",
      (in, args, budget) -> selectAttribute("rejectattr", in, args, false, budget));

  private SelectionFilters() {
  }

  private static Value map(Value input, Arguments arguments, Budget budget) {
    if (!Operators.truthy(input)) {
      return new Iter(List.of());
    }
    UnaryOperator<Value> change;
    if (arguments.positional().isEmpty()) {
      Bound args = arguments.bind("map", 0, "attribute", "default");
      if (!args.has(0)) {
        throw new Problem("map needs the name of a filter or attribute=...");
      }
      AttributePath path = AttributePath.of(args.orNull(0), "map");
      Value fallback = args.orNull(1);
      change = item -> path.read(item, fallback, budget);
    } else {
      String filter = name("map", arguments.positional().getFirst());
      Arguments rest = arguments.from(1);
      change = item -> Filters.apply(filter, item, rest, budget);
    }
    List<Value> mapped = new ArrayList<>();
    for (Value item : Operators.items(input, budget)) {
      budget.newValues(1);
      mapped.add(change.apply(item));
    }
    return new Iter(mapped);
  }

  private static Value select(String filter, Value input, Arguments arguments, boolean keep,
      Budget budget) {
    return select(input, keep, test(filter, arguments, budget), budget);
  }

  private static Value selectAttribute(String filter, Value input, Arguments arguments,
      boolean keep, Budget budget) {
    if (arguments.positional().isEmpty()) {
      throw new Problem(filter + " needs the name of an attribute");
    }
    AttributePath path = AttributePath.of(arguments.positional().getFirst(), filter);
    Predicate<Value> test = test(filter, arguments.from(1), budget);
    return select(input, keep, item -> test.test(path.read(item, budget)), budget);
  }

  private static Value select(Value input, boolean keep, Predicate<Value> test, Budget budget) {
    List<Value> selected = new ArrayList<>();
    if (Operators.truthy(input)) {
      for (Value item : Operators.items(input, budget)) {
        budget.steps(1);
        if (test.test(item) == keep) {
          selected.add(item);
        }
      }
    }
    return new Iter(selected);
  }

  /** The test named first in the arguments, with the rest as its own; truth if none is named. */
  private static Predicate<Value> test(String filter, Arguments arguments, Budget budget) {
    if (arguments.positional().isEmpty()) {
      return Operators::truthy;
    }
    String test = name(filter, arguments.positional().getFirst());
    Arguments rest = arguments.from(1);
    return item -> Tests.holds(test, item, rest, budget);
  }

  private static String name(String filter, Value value) {
    if (value instanceof Str s) {
      return s.text();
    }
    throw new Problem("the first argument of the filter '" + filter + "' must be a name, but is "
        + value.typeName());
  }
}

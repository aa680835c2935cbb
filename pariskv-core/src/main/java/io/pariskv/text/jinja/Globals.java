package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Arguments.Bound;
import io.pariskv.text.jinja.Value.Dict;
import io.pariskv.text.jinja.Value.Function;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.Namespace;
import io.pariskv.text.jinja.Value.Scalar;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Str;
import io.pariskv.text.jinja.Value.Undefined;
import java.time.Clock;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The functions every template can call: {@code range dict namespace raise_exception strftime_now}. */
final class Globals {
  /** Names that mean something to jinja2 and nothing here; using one is an error rather than undefined. */
  static final Set<String> UNSUPPORTED = Set.of("cycler", "joiner", "lipsum", "self");

  private Globals() {
  }

  static Scope scope(Clock clock, Budget budget) {
    Scope scope = new Scope(null);
    define(scope, "range", arguments -> range(arguments, budget));
    define(scope, "dict", arguments -> budget.dict(entries("dict", arguments, budget)));
    define(scope, "namespace", arguments -> {
      Namespace namespace = new Namespace();
      entries("namespace", arguments, budget)
          .forEach((key, value) -> namespace.attributes().put(Printer.str(key, budget), value));
      return namespace;
    });
    define(scope, "raise_exception", arguments -> {
      throw new Problem(
          Printer.str(arguments.bind("raise_exception", 1, "message").get(0), budget));
    });
    define(scope, "strftime_now",
        arguments -> Strftime.format(arguments.bind("strftime_now", 1, "format").text(0),
            LocalDateTime.now(clock), budget));
    return scope;
  }

  private static void define(Scope scope, String name, Function.Body body) {
    scope.set(name, new Function(name, body));
  }

  /** What {@code dict(...)} takes: a mapping or pairs, and named entries. */
  private static Map<Scalar, Value> entries(String callee, Arguments arguments, Budget budget) {
    Map<Scalar, Value> entries = new LinkedHashMap<>();
    if (arguments.positional().size() > 1) {
      throw new Problem(callee + " takes one mapping, but " + arguments.positional().size()
          + " arguments were given");
    }
    for (Value source : arguments.positional()) {
      if (source instanceof Undefined u) {
        throw u.problem();
      }
      if (source instanceof Dict d) {
        budget.steps(d.entries().size());
        entries.putAll(d.entries());
      } else {
        for (Value pair : Operators.items(source, budget)) {
          List<Value> parts = Operators.items(pair, budget);
          if (parts.size() != 2) {
            throw new Problem(
                callee + " needs pairs of key and value, but found " + parts.size() + " elements");
          }
          entries.put(Operators.key(parts.get(0)), parts.get(1));
        }
      }
    }
    arguments.named().forEach((name, value) -> entries.put(new Str(name), value));
    return entries;
  }

  /** Named arguments as a dict. */
  static Dict dictOf(Map<String, Value> named, Budget budget) {
    Map<Scalar, Value> entries = new LinkedHashMap<>();
    named.forEach((name, value) -> entries.put(new Str(name), value));
    return budget.dict(entries);
  }

  private static Value range(Arguments arguments, Budget budget) {
    Bound args = arguments.bind("range", 1, "start", "stop", "step");
    long start = args.has(1) ? args.integer(0, 0) : 0;
    long stop = args.has(1) ? args.integer(1, 0) : args.integer(0, 0);
    long step = args.integer(2, 1);
    if (step == 0) {
      throw new Problem("the step of range must not be 0");
    }
    // In floating point, so that bounds near the end of 64 bits do not wrap around.
    double length = Math.ceil(((double) stop - start) / step);
    if (length > budget.limits().rangeLength()) {
      throw new Problem("range gives more than " + budget.limits().rangeLength()
          + " numbers; use a shorter one or raise the limit 'rangeLength'");
    }
    budget.newValues(Math.max(0, (long) length));
    List<Value> numbers = new ArrayList<>();
    for (long i = 0; i < (long) length; i++) {
      numbers.add(new Int(start + i * step));
    }
    return budget.sequence(Seq.Kind.RANGE, numbers);
  }
}
